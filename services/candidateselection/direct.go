package candidateselection

import (
	"bytes"
	"slices"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// onCollation takes what a collator beside the node hands over.
func (s *selection) onCollation(m *subsystem.Message, c *candidateselectionv1.Collation) {
	r, active := s.leaves.Get(c.GetRelayParent())
	if !active {
		m.Reply(notTaken(unknownRelayParent, "the relay parent is no active leaf here"))
		return
	}
	receipt, err := parachain.Receipt(c.GetReceipt())
	if err != nil {
		m.Reply(notTaken(descriptorMismatch, err.Error()))
		return
	}
	r.takeUp()
	if !r.soon(func() { r.onDirect(m, c, receipt) }) {
		m.Reply(notTaken(queueFull, "too much waits for the relay parent's state"))
	}
}

func (r *relayParent) onDirect(m *subsystem.Message, c *candidateselectionv1.Collation, receipt candidate.Receipt) {
	ref, d := c.GetPov().GetBlockData(), receipt.Descriptor.Collation
	if o := r.selection.offers[receipt.Hash()]; o != nil && o.relayParent == r.leaf.Hash {
		r.again(m, o, c.GetPov())
		return
	}
	why, detail := primitivesv1.CollationRefusal(0), ""
	switch {
	case d.RelayParent != r.leaf.Hash || d.ParaID != c.GetPara() || !bytes.Equal(d.Collator[:], c.GetCollator()):
		why, detail = descriptorMismatch, "the receipt says something else than the submission"
	case !bytes.Equal(ref.GetHash(), d.PoVHash[:]):
		why, detail = povMismatch, "the proof of validity isn't the one that the receipt names"
	default:
		why = r.check(receipt, ref.GetSize())
	}
	if why != 0 {
		m.Reply(notTaken(why, detail))
		return
	}
	r.sub.Blobs().Hold(ref, lease, func(err error) { r.onHeld(m, c.GetPov(), receipt, err) })
}

// again answers a submission that was made before. Its proof is of use if it wasn't here.
func (r *relayParent) again(m *subsystem.Message, o *offer, pov *primitivesv1.PoV) {
	if len(o.steps) > 0 && o.steps[len(o.steps)-1].GetRefused() != nil {
		last := o.steps[len(o.steps)-1].GetRefused()
		m.Reply(notTaken(last.GetReason(), last.GetDetail()))
		return
	}
	m.Reply(r.accepted(o))
	if want := o.receipt.Descriptor.Collation.PoVHash; o.pov == nil && bytes.Equal(pov.GetBlockData().GetHash(), want[:]) {
		r.sub.Blobs().Hold(pov.GetBlockData(), lease, func(err error) {
			if err == nil && o.pov == nil && !o.ended && !r.ended {
				o.pov, o.held = pov, true
				r.advance()
			}
		})
	}
}

// onHeld queues a collation whose proof is here.
func (r *relayParent) onHeld(m *subsystem.Message, pov *primitivesv1.PoV, receipt candidate.Receipt, err error) {
	if err != nil {
		m.Reply(notTaken(povMissing, err.Error()))
		return
	}
	if o := r.selection.offers[receipt.Hash()]; o != nil {
		r.again(m, o, pov)
		return
	}
	if why := r.check(receipt, pov.GetBlockData().GetSize()); why != 0 { // it may have changed meanwhile
		r.sub.Blobs().Release(pov.GetBlockData())
		m.Reply(notTaken(why, ""))
		return
	}
	o := &offer{hash: receipt.Hash(), receipt: receipt, size: pov.GetBlockData().GetSize(), relayParent: r.leaf.Hash,
		number: r.leaf.Number, pov: pov, held: true}
	r.take(o)
	m.Reply(r.accepted(o))
	r.advance()
}

func (r *relayParent) accepted(o *offer) *candidateselectionv1.CollationResponse {
	ahead := uint32(0)
	for _, other := range r.offers {
		if other == o {
			break
		}
		if !other.ended {
			ahead++
		}
	}
	return &candidateselectionv1.CollationResponse{Outcome: &candidateselectionv1.CollationResponse_Accepted{
		Accepted: &candidateselectionv1.CollationAccepted{Candidate: o.hash[:], Ahead: ahead}}}
}

func notTaken(why primitivesv1.CollationRefusal, detail string) *candidateselectionv1.CollationResponse {
	return &candidateselectionv1.CollationResponse{Outcome: &candidateselectionv1.CollationResponse_Refused{
		Refused: &primitivesv1.CollationRefused{Reason: why, Detail: detail}}}
}

// onCollationOutcome tells what has become of a collation, and then what becomes of it.
func (s *selection) onCollationOutcome(m *subsystem.Message, q *candidateselectionv1.CollationOutcome) {
	hash, err := primitives.HashFrom(q.GetCandidate())
	o := s.offers[hash]
	switch {
	case err != nil || o == nil:
		m.Item(&candidateselectionv1.CollationOutcomeResponse{
			Status: refused(unknownRelayParent, "no such collation is known here")})
		m.End()
		return
	case len(o.watchers) >= maxWatchers:
		m.Fail(subsystem.Failf(subsystem.Overloaded, "%d follow this collation already", maxWatchers))
		return
	}
	for _, status := range o.steps {
		m.Item(&candidateselectionv1.CollationOutcomeResponse{Status: status})
	}
	if o.ended {
		m.End()
		return
	}
	o.watchers = append(o.watchers, m)
	m.OnCancel(func() {
		o.watchers = slices.DeleteFunc(o.watchers, func(w *subsystem.Message) bool { return w == m })
	})
}
