package node

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/broker"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// The bus knows who is attached; nobody waits to learn that a part isn't.
func TestAPartThatIsNotAttachedIsNotAsked(t *testing.T) {
	a := &asker{status: func() broker.Status {
		return broker.Status{Subsystems: []broker.SubsystemStatus{
			{Name: "vm", Chain: "kv", LastCause: "killed by signal 9"},
			{Name: "engine", Chain: "kv", Instances: []broker.InstanceStatus{{Name: "engine", Standby: true}}},
		}}
	}}
	for want, q := range map[string]proto.Message{
		"vmhost can't be asked: it isn't attached: killed by signal 9": &vmv1.GetBlockIDAtHeight{},
		"engine can't be asked: it isn't attached":                     &enginev1.QueryHeight{},
	} {
		if _, err := ask[proto.Message](context.Background(), a, "kv", q); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := ask[proto.Message](context.Background(), a, "", &nbv1.Peers{}); err == nil ||
		!strings.Contains(err.Error(), "network-bridge can't be asked") {
		t.Errorf("got %v", err)
	}
}
