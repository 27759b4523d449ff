package povdistribution

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
)

const (
	// protocol is the name under which two PoV distributions speak.
	protocol = "povs"
	// partTimeout is how long a backer may take for one part.
	partTimeout = time.Second
	// openRequests is how many questions of one peer are open here: as many as one asks at a time, twice, since the
	// asker gives a question up before it is given up here.
	openRequests = 2 * questionsAtOnce
)

// Part is PoV distribution as a node of a network with a relay chain runs it.
func Part() part.Part {
	return part.Part{
		Spec: Spec(Config{}),
		Build: func(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
			relay, _ := n.Genesis.RelayChain()
			return Spec(Config{Chain: relay.Name}), nil
		},
		Protocols: []part.Protocol{{
			Name: protocol, Event: event, Lane: optionsv1.Lane_LANE_BULK, MaxPayload: partBudget.Bytes,
			OpenRequests: openRequests, RequestTimeout: partTimeout,
		}},
		Host: true,
		Owns: "proofs of validity: fetches them from backers, serves them to whoever checks",
	}
}

func event(e *nbv1.NetworkBridgeEvent) proto.Message { return &pdv1.NetworkBridgeUpdate{Event: e} }
