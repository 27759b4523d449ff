// Package povdistribution gets proofs of validity from the validators that have vouched for them, and serves them to
// those who must check them.
//
// Candidate-backing asks it for a proof by its hash (FetchPoV), and gives it the proof of each candidate that it has
// seconded (DistributePoV). It asks the backers, by network-bridge (SendRequest), one after the other, part by part,
// and puts a proof into the node's blob store when its hash is right. What it has it serves to any peer that has the
// relay parent in view, in parts (SendResponse), as long as the relay parent is a leaf here; so long it has a lease on
// the blob. Peers pay for wrong bytes and for questions that nobody honest has, and earn something by a proof
// (ReportPeer). Of a leaf it asks runtime-api who its validators are.
//
// It judges no proof but by its hash. It never holds a proof without a bound that peers can't stretch, and a fault of
// this node's, of its blob store for example, is a failure of the question and never the fault of a peer.
package povdistribution

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/view"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Name is the subsystem's name.
const Name = "pov-distribution"

// wanted is what it must know of a leaf.
const wanted = leaf.Validators

// Config is what it needs.
type Config struct {
	// Chain is the relay chain's name.
	Chain string
}

// Spec declares PoV distribution.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Single,
		Sends: []proto.Message{&nbv1.RegisterEventProducer{}, &nbv1.SendResponse{}, &nbv1.ReportPeer{}},
		Asks:  append(leaf.Asks(wanted), &nbv1.SendRequest{}),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			sub.Send(&nbv1.RegisterEventProducer{Protocol: protocol})
			return &distribution{
				sub: sub, leaves: leaf.Jobs[*relayParent]{Chain: cfg.Chain}, peers: map[primitives.NodeID]*peer{},
				shelf: shelf{sub: sub, blobs: map[primitives.Hash]*kept{}},
			}, nil
		},
	}
}

type distribution struct {
	sub    *subsystem.Sub
	leaves leaf.Jobs[*relayParent]
	past   []primitives.Hash // that have ceased to be leaves, the last ones
	peers  map[primitives.NodeID]*peer
	ours   view.View // as our peers know it
	shelf  shelf
	counts
}

// Signal begins and ends the work on relay parents.
func (d *distribution) Signal(sig *overseerv1.Signal) { d.leaves.Signal(sig, d.begin, d.end) }

// Handle takes one message.
func (d *distribution) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *pdv1.FetchPoV:
		d.onFetch(m, body)
	case *pdv1.DistributePoV:
		d.onDistribute(body)
	case *pdv1.NetworkBridgeUpdate:
		d.onEvent(body.GetEvent())
	default:
		m.Unknown()
	}
}
