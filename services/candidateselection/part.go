package candidateselection

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
)

// Part is candidate-selection as a node of a network with a relay chain runs it.
func Part() part.Part {
	return part.Part{
		Spec: Spec(Config{}),
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			relay, _ := n.Genesis.RelayChain()
			return Spec(Config{Chain: relay.Name}), nil
		},
		Protocols: []part.Protocol{{
			Name: collatorv1.ToValidators, Event: event, Lane: optionsv1.Lane_LANE_BACKING, NoViews: true,
			MaxPayload: wireBudget.Bytes, OpenRequests: 1,
		}},
		Host: true,
		Owns: "what collators submit: one candidate per relay parent and para is proposed",
	}
}

func event(e *nbv1.NetworkBridgeEvent) proto.Message {
	return &candidateselectionv1.NetworkBridgeUpdate{Event: e}
}
