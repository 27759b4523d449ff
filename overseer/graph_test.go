package overseer_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

func TestRule7TheGraphIsDrawn(t *testing.T) {
	g, err := overseer.NewGraph(registry.Node(), []subsystem.Spec{
		{Name: "engine", Sends: []proto.Message{&networkbridgev1.SendMessage{}, &networkbridgev1.SendBulk{}},
			Asks: []proto.Message{&networkbridgev1.Peers{}, &keystorev1.PublicKeys{}}},
		{Name: "network-bridge"}, {Name: "keystore"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `flowchart LR
    engine[engine]
    network_bridge[network-bridge]
    keystore[keystore]
    engine ==>|1| keystore
    engine ==>|1| network_bridge
    engine -->|2| network_bridge
`
	if got := g.Mermaid(); got != want {
		t.Errorf("drawn as\n%s", got)
	}
}
