// Package candidateselection takes in what collators submit, proposes one candidate per relay parent and para for
// seconding, tries the next when that one is slow or invalid, and tells the collator what became of his.
//
// It works on each leaf of the relay chain for which this validator's group backs a para. Collators of other nodes
// declare themselves and advertise (NetworkBridgeUpdate); it fetches the proof of validity from them, part by part, by
// network-bridge (SendRequest). A collator beside the node hands everything over at once (Collation). What passes all
// checks that cost no execution goes to candidate-backing (Second), one at a time; Invalid comes back and penalises the
// collator (ReportPeer, and a ban of his key). That a candidate was seconded it hears from statement-distribution, that
// it has its quorum from candidate-backing, and what the chain's blocks do to it from runtime-api; each step is told to
// the collator, over the network or as the answer to CollationOutcome.
//
// It never executes a candidate and signs nothing. A fault of this node's is told as such and costs nobody anything.
package candidateselection

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidatebackingv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
	"github.com/reevenet/reeve/services/internal/fate"
	"github.com/reevenet/reeve/services/internal/leaf"
)

// Name is the subsystem's name.
const Name = "candidate-selection"

// wants is what has to be known of a leaf.
const wants = leaf.Groups | leaf.Cores | leaf.Own

// Config is what candidate-selection needs.
type Config struct {
	// Chain is the relay chain.
	Chain string
}

// Spec declares candidate-selection.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Sharded,
		Sends: []proto.Message{
			&nbv1.RegisterEventProducer{}, &nbv1.ReportPeer{}, &nbv1.SendBulk{},
			&candidatebackingv1.Second{}, &candidateselectionv1.TakeUp{},
		},
		Asks: slices.Concat(leaf.Asks(wants), []proto.Message{
			&nbv1.SendRequest{}, &statementdistributionv1.RegisterStatementListener{},
			&candidatebackingv1.RegisterBackingWatcher{},
		}),
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) { return newSelection(cfg, sub), nil },
	}
}

// selection is the handler.
type selection struct {
	sub    *subsystem.Sub
	leaves leaf.Jobs[*relayParent]
	past   []primitives.Hash // that have ceased to be leaves, the last ones
	peers  map[primitives.NodeID]*peer
	fates  fate.Follower

	offers     map[primitives.Hash]*offer // that are remembered, by candidate
	remembered []*offer                   // the same, oldest first
	banned     map[primitives.Hash]time.Time
	counts     counts
}

func newSelection(cfg Config, sub *subsystem.Sub) *selection {
	s := &selection{
		sub: sub, leaves: leaf.Jobs[*relayParent]{Chain: cfg.Chain}, peers: map[primitives.NodeID]*peer{},
		offers: map[primitives.Hash]*offer{}, banned: map[primitives.Hash]time.Time{},
	}
	s.fates = fate.Follower{Sub: sub, Chain: cfg.Chain, Told: s.onBlock}
	sub.Send(&nbv1.RegisterEventProducer{Protocol: collatorv1.ToValidators})
	return s
}

// Signal begins and ends the work on relay parents.
func (s *selection) Signal(sig *overseerv1.Signal) {
	s.leaves.Signal(sig, s.begin, s.end)
	s.fates.Signal(sig)
}

// Handle takes one message.
func (s *selection) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *candidateselectionv1.Invalid:
		s.onInvalid(body)
	case *candidateselectionv1.Collation:
		s.onCollation(m, body)
	case *candidateselectionv1.CollationOutcome:
		s.onCollationOutcome(m, body)
	case *candidateselectionv1.NetworkBridgeUpdate:
		s.onEvent(body.GetEvent())
	case *candidateselectionv1.TakeUp:
		if r, active := s.leaves.Get(body.GetRelayParent()); active {
			r.takeUp()
		}
	default:
		m.Unknown()
	}
}
