package candidateselection

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// conduct is what a peer's deed costs it, below zero, or earns it, above.
type conduct struct {
	value  int32
	reason string
}

// What collators do.
var (
	unreadable  = conduct{-500, "a message to candidate-selection that can't be read"}
	undeclared  = conduct{-10, "a collation of a collator who hasn't declared himself"}
	redeclared  = conduct{-10, "a second declaration that differs"}
	outOfView   = conduct{-10, "a collation for a relay parent out of this node's view"}
	twice       = conduct{-10, "a second collation for one relay parent"}
	forged      = conduct{-50, "a collation that its collator hasn't signed"}
	slow        = conduct{-20, "no part of a collation in time"}
	noPart      = conduct{-10, "a part of a collation that is none"}
	wrongProof  = conduct{-50, "a collation with another proof of validity"}
	invalid     = conduct{-50, "an invalid collation"}
	goodOffered = conduct{50, "a good collation"}
)

func (s *selection) report(id primitives.NodeID, c conduct) {
	if c.value < 0 {
		s.counts.charged++
		s.sub.Log.Debug("a collator's deed costs it", "peer", id.Short(), "cost", c.value, "why", c.reason)
	}
	s.sub.Send(&nbv1.ReportPeer{Peer: id[:], CostBenefit: c.value, Reason: c.reason})
}

const (
	// banFor is how long nothing is taken of a collator's key that has signed an invalid candidate.
	banFor = time.Minute
	// maxBanned is how many keys are banned at a time: whoever has more of them has to sign an invalid candidate with
	// each, and one is judged at a time.
	maxBanned = 1024
)

// ban refuses a collator for a while.
func (s *selection) ban(collator primitives.Hash) {
	now := s.sub.Now()
	for k, until := range s.banned {
		if !now.Before(until) {
			delete(s.banned, k)
		}
	}
	if len(s.banned) < maxBanned {
		s.banned[collator] = now.Add(banFor)
	}
}

func (s *selection) isBanned(collator primitives.Hash) bool {
	return s.sub.Now().Before(s.banned[collator])
}
