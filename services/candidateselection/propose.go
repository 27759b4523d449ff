package candidateselection

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidatebackingv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

const (
	// verdictTimeout is how long candidate-backing may be silent about what was proposed. It signs nothing when it
	// couldn't tell, and code may run for two seconds.
	verdictTimeout = 4 * time.Second
	// silence is how long there may be no news of a leaf's statements: longer than a leaf lives.
	silence = time.Hour
)

// advance does what can be done next: one candidate is proposed at a time, the first whose proof is here; as long as
// there is none the first one that isn't is fetched, and the next beside it when that is slow.
func (r *relayParent) advance() {
	if r.ended || r.proposed != nil {
		return
	}
	for _, o := range r.offers {
		if o.pov != nil && !o.tried && !o.ended {
			r.sub.About(o.hash[:], "propose", func() { r.propose(o) })
			return
		}
	}
	for _, o := range r.offers {
		if len(r.fetches) >= maxFetches || slices.ContainsFunc(r.fetches, func(f *fetch) bool { return !f.slow }) {
			return
		}
		if o.pov == nil && o.fetch == nil && !o.ended {
			r.sub.About(o.hash[:], "fetch", func() { r.fetchNext(o) })
		}
	}
}

// propose has candidate-backing judge a candidate.
func (r *relayParent) propose(o *offer) {
	r.proposed, o.tried = o, true
	r.watch()
	r.counts.proposed++
	r.sub.Log.Debug("a candidate is proposed", "candidate", o.hash.Short(), "parent", r.leaf.Hash.Short())
	r.sub.Send(&candidatebackingv1.Second{
		RelayParent: r.leaf.Hash[:], Receipt: parachain.ReceiptMessage(o.receipt), Pov: o.pov,
	})
	r.sub.After(verdictTimeout, func() {
		if r.proposed == o && !o.seconded && !r.ended {
			r.proposed = nil
			r.refuse(o, nodeFault, "no verdict in time")
			r.advance()
		}
	})
}

// onInvalid penalises who has offered an invalid candidate, and goes on to the next.
func (s *selection) onInvalid(i *candidateselectionv1.Invalid) {
	receipt, err := parachain.Receipt(i.GetReceipt())
	r, active := s.leaves.Get(i.GetRelayParent())
	if err != nil || !active || r.proposed == nil || r.proposed.hash != receipt.Hash() {
		s.sub.Log.Info("a candidate that wasn't proposed is said to be invalid", "active", active)
		return
	}
	o := r.proposed
	r.proposed = nil
	s.counts.invalid++
	for _, id := range o.listeners {
		s.report(id, invalid)
	}
	s.ban(o.receipt.Descriptor.Collation.Collator)
	s.refuse(o, invalidCandidate, "validation found it invalid")
	r.advance()
}

// watch listens to what is said of the leaf's candidates, from the first one that is proposed.
func (r *relayParent) watch() {
	if len(r.watches) > 0 {
		return
	}
	lost := func(err error) {
		if err != nil && !r.ended {
			r.sub.Log.Info("news of candidates has ended", "parent", r.leaf.Hash.Short(), "err", err)
		}
	}
	r.watches = append(r.watches,
		subsystem.Watch(r.sub, &statementdistributionv1.RegisterStatementListener{RelayParent: r.leaf.Hash[:]}, silence,
			func(s *statementdistributionv1.RegisterStatementListenerResponse) { r.onStatement(s.GetStatement()) }, lost),
		subsystem.Watch(r.sub, &candidatebackingv1.RegisterBackingWatcher{RelayParent: r.leaf.Hash[:]}, silence,
			func(b *candidatebackingv1.RegisterBackingWatcherResponse) { r.onBackable(b.GetBackable()) }, lost))
}

// onStatement: this validator has signed for a candidate. There will be no other.
func (r *relayParent) onStatement(m *primitivesv1.SignedStatement) {
	s, err := parachain.Statement(m)
	if err != nil || s.Validator != r.own || s.Verdict != signbytes.Seconded || r.seconded {
		return
	}
	r.seconded = true
	for _, o := range r.offers {
		if o.hash == s.Candidate {
			r.onSeconded(o)
		}
	}
	for _, o := range r.offers {
		if o.hash != s.Candidate {
			r.refuse(o, alreadySeconded, "another candidate was seconded: "+s.Candidate.Short())
		}
	}
}

func (r *relayParent) onSeconded(o *offer) {
	o.seconded = true
	r.counts.seconded++
	for _, id := range o.listeners {
		r.report(id, goodOffered)
	}
	r.step(o, &primitivesv1.CollationStatus{Kind: &primitivesv1.CollationStatus_Seconded{
		Seconded: &primitivesv1.CollationSeconded{Validator: r.own}}})
}

func (r *relayParent) onBackable(b *primitivesv1.BackedCandidate) {
	committed, err := parachain.Committed(b.GetReceipt())
	if err != nil {
		return
	}
	hash, err := committed.Hash()
	if err != nil {
		return
	}
	r.selection.onBacked(hash, uint32(len(b.GetVotes())))
}

func (s *selection) onBacked(hash primitives.Hash, votes uint32) {
	o := s.offers[hash]
	if o == nil || o.backed {
		return
	}
	o.backed = true
	s.step(o, &primitivesv1.CollationStatus{Kind: &primitivesv1.CollationStatus_Backed{
		Backed: &primitivesv1.CollationBacked{Votes: votes}}})
}
