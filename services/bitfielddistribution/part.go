package bitfielddistribution

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	bdv1 "github.com/reevenet/reeve/proto/reeve/bitfielddistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
)

// protocol is the name under which two bitfield distributions speak. It travels on the lane of views, so that a
// bitfield never overtakes the view that it is sent for.
const protocol = "bitfields"

// Part is bitfield-distribution as a node runs it: with the name of the relay chain.
func Part() part.Part {
	return part.Part{
		Spec: Spec(Config{}),
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			relay, _ := n.Genesis.RelayChain()
			return Spec(Config{Chain: relay.Name}), nil
		},
		Protocols: []part.Protocol{{
			Name: protocol, Event: event, Lane: optionsv1.Lane_LANE_BACKING, MaxPayload: maxPayload,
		}},
		Process: part.Process{Tuning: tuning.Profile{Threads: tuning.One}},
		Host:    true,
		Owns:    "which peer has which validator's bitfield: spreads them",
	}
}

func event(e *nbv1.NetworkBridgeEvent) proto.Message { return &bdv1.NetworkBridgeUpdate{Event: e} }
