package statementdistribution

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// protocol is the name under which two statement distributions speak. It travels on the lane of views, so that a
// statement never overtakes the view that it is sent for.
const protocol = "statements"

// Part is statement distribution as a node of a network with a relay chain runs it.
func Part() part.Part {
	return part.Part{
		Spec: Spec(Config{}),
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			relay, _ := n.Genesis.RelayChain()
			return Spec(Config{Chain: relay.Name}), nil
		},
		Protocols: []part.Protocol{{Name: protocol, Event: event, Lane: optionsv1.Lane_LANE_BACKING}},
		Host:      true,
		Owns:      "what each peer knows of validators' statements: spreads them within limits",
	}
}

func event(e *nbv1.NetworkBridgeEvent) proto.Message { return &sdv1.NetworkBridgeUpdate{Event: e} }
