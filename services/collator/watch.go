package collator

import (
	"slices"

	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/subsystem"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/internal/fate"
)

const (
	// maxWatchers may follow the collations of this node.
	maxWatchers = 64
	// takeUpWithin is how many blocks after a relay parent its candidates are put on a core, if ever: only its children
	// take them up, and a child of a fork may be seen beside the next block.
	takeUpWithin = 1
	// onCoreWithin is after how many blocks a candidate on a core is no longer waited for. The chain drops it long
	// before; then this node has missed it.
	onCoreWithin = 256
)

// watcher is told what becomes of a para's collations.
type watcher struct {
	para uint32
	m    *subsystem.Message
}

func (c *collator) onWatchCollations(m *subsystem.Message, para uint32) {
	if len(c.watchers) >= maxWatchers {
		m.Fail(subsystem.Failf(subsystem.Overloaded, "%d follow the collations already", maxWatchers))
		return
	}
	c.watchers = append(c.watchers, watcher{para, m})
	m.OnCancel(func() { c.watchers = slices.DeleteFunc(c.watchers, func(w watcher) bool { return w.m == m }) })
	for _, col := range c.order {
		if col.para == para && !col.ended && col.last != nil {
			m.Item(col.news())
		}
	}
}

func (col *collation) news() *collatorv1.WatchCollationsResponse {
	parent := col.relayParent.leaf.Hash
	return &collatorv1.WatchCollationsResponse{Candidate: col.hash[:], RelayParent: parent[:], Status: col.last}
}

// onBlock tells what a block of the relay chain has done to collations, and ends those that no block can take up now.
func (c *collator) onBlock(b fate.Block, events []*runtimeapiv1.CandidateEvent) {
	for _, e := range events {
		receipt, err := parachain.Receipt(e.GetReceipt())
		if err != nil || c.collations[receipt.Hash()] == nil {
			continue
		}
		col := c.collations[receipt.Hash()]
		switch e.GetKind() {
		case runtimeapiv1.CandidateEvent_KIND_BACKED:
			col.onCore = true
		case runtimeapiv1.CandidateEvent_KIND_INCLUDED:
			c.counts.included++
			c.sub.Log.Info("a collation is included", "para", col.para, "candidate", col.hash.Short(), "height", b.Number)
			col.step(&primitivesv1.CollationStatus{Kind: &primitivesv1.CollationStatus_Included{
				Included: &primitivesv1.CollationIncluded{Block: b.Hash[:], Number: b.Number}}})
		case runtimeapiv1.CandidateEvent_KIND_TIMED_OUT:
			col.refuse(timedOut, "too few validators had their chunks in time")
		}
	}
	for _, col := range c.order {
		col.expire(b.Number)
	}
}

func (col *collation) expire(height uint64) {
	number := col.relayParent.leaf.Number
	switch {
	case col.ended || !col.relayParent.ended:
	case col.onCore && height > number+onCoreWithin:
		col.refuse(timedOut, "no block has said what became of it")
	case col.onCore || height <= number+takeUpWithin:
	case col.backed:
		col.refuse(notIncludedInTime, "no block took it up")
	default:
		col.refuse(col.reason())
	}
}
