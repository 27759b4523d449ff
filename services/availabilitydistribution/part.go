package availabilitydistribution

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
)

// Part is availability-distribution as a node runs it: with the name of the relay chain.
func Part() part.Part {
	return part.Part{
		Spec: Spec(Config{}),
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			relay, _ := n.Genesis.RelayChain()
			return Spec(Config{Chain: relay.Name}), nil
		},
		Protocols: []part.Protocol{{
			Name: Protocol, Event: event, Lane: optionsv1.Lane_LANE_BULK, NoViews: true, MaxPayload: partBudget.Bytes,
			OpenRequests: 2 * atOnce, RequestTimeout: partTimeout,
		}},
		Host: true,
		Owns: "erasure chunks: fetches this validator's own, serves others', recovers data from them",
	}
}

func event(e *nbv1.NetworkBridgeEvent) proto.Message {
	return &distributionv1.NetworkBridgeUpdate{Event: e}
}
