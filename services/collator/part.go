package collator

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
)

// partTimeout is how long a validator waits for one part.
const partTimeout = time.Second

// Part is the collator as a node of a network with a relay chain runs it.
func Part() part.Part {
	return part.Part{
		Spec: Spec(Config{}),
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			relay, _ := n.Genesis.RelayChain()
			return Spec(Config{Chain: relay.Name}), nil
		},
		Protocols: []part.Protocol{{
			Name: collatorv1.ToCollators, Event: event, Lane: optionsv1.Lane_LANE_BULK,
			MaxPayload: collatorv1.MaxPart + 64, OpenRequests: openRequests, RequestTimeout: partTimeout,
		}},
		Host: true,
		Owns: "collations: tells parachains when to build, offers what they built to validators",
	}
}

func event(e *nbv1.NetworkBridgeEvent) proto.Message {
	return &collatorv1.NetworkBridgeUpdate{Event: e}
}
