package misbehaviorarbitration

import (
	"bytes"
	"slices"

	"github.com/reevenet/reeve/overseer/subsystem"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
)

// maxFollowers may follow what is found, and as many may ask before the disk is read.
const maxFollowers = 16

// follower is one who is told of what matches from now on.
type follower struct {
	m *subsystem.Message
	q *misbehaviorv1.QueryEvidence
}

func (w *follower) give(e *misbehaviorv1.QueryEvidenceResponse) {
	if matches(w.q, e) {
		w.m.Item(e)
	}
}

func matches(q *misbehaviorv1.QueryEvidence, e *misbehaviorv1.QueryEvidenceResponse) bool {
	if p := q.GetRelayParent(); len(p) > 0 && !bytes.Equal(p, e.GetReport().GetContext().GetParent()) {
		return false
	}
	return len(q.GetOffender()) == 0 || slices.ContainsFunc(e.GetSignatories(), func(s *misbehaviorv1.Signatory) bool {
		return s.GetOffender() && bytes.Equal(q.GetOffender(), s.GetValidator().GetPublicKey())
	})
}

// onQueryEvidence gives what is kept, oldest first, and then what comes if that is wanted.
func (a *arbitration) onQueryEvidence(m *subsystem.Message, q *misbehaviorv1.QueryEvidence) {
	if len(a.follow) >= maxFollowers || len(a.early) >= maxFollowers {
		m.Fail(subsystem.Failf(subsystem.Overloaded, "%d follow the evidence already", maxFollowers))
		return
	}
	if !a.ready {
		a.early = append(a.early, m)
		return
	}
	w := &follower{m: m, q: q}
	for _, p := range a.shelf.order {
		w.give(p.QueryEvidenceResponse)
	}
	if !q.GetFollow() {
		m.End()
		return
	}
	a.follow = append(a.follow, w)
	m.OnCancel(func() { a.follow = slices.DeleteFunc(a.follow, func(o *follower) bool { return o == w }) })
}
