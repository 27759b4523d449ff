package candidateselection

import (
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/internal/fate"
)

const (
	// takeUpWithin is how many blocks after a relay parent its candidates are put on a core, if ever: only its children
	// take them up, and a child of a fork may be seen beside the next block.
	takeUpWithin = 1
	// onCoreWithin is after how many blocks a candidate on a core is no longer waited for. The chain drops it long
	// before; then this node has missed it.
	onCoreWithin = 256
)

// onBlock tells what a block of the relay chain has done to collations, and ends those that no block can take up now.
func (s *selection) onBlock(b fate.Block, events []*runtimeapiv1.CandidateEvent) {
	for _, e := range events {
		receipt, err := parachain.Receipt(e.GetReceipt())
		if err != nil {
			continue
		}
		o := s.offers[receipt.Hash()]
		if o == nil {
			continue
		}
		switch e.GetKind() {
		case runtimeapiv1.CandidateEvent_KIND_BACKED:
			o.onCore = true
		case runtimeapiv1.CandidateEvent_KIND_INCLUDED:
			s.counts.included++
			s.sub.Log.Debug("a collation is included", "candidate", o.hash.Short(), "block", b.Hash.Short())
			s.step(o, &primitivesv1.CollationStatus{Kind: &primitivesv1.CollationStatus_Included{
				Included: &primitivesv1.CollationIncluded{Block: b.Hash[:], Number: b.Number}}})
		case runtimeapiv1.CandidateEvent_KIND_TIMED_OUT:
			s.refuse(o, timedOut, "too few validators had their chunks in time")
		}
	}
	for _, o := range s.remembered {
		s.expire(o, b.Number)
	}
}

func (s *selection) expire(o *offer, height uint64) {
	_, active := s.leaves.Get(o.relayParent[:])
	switch {
	case o.ended || active:
	case o.onCore && height > o.number+onCoreWithin:
		s.refuse(o, timedOut, "no block has said what became of it")
	case o.onCore || height <= o.number+takeUpWithin:
	case o.backed:
		s.refuse(o, notIncludedInTime, "no block took it up")
	default:
		s.refuse(o, notBackedInTime, "its relay parent was left behind")
	}
}
