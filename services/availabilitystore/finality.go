package availabilitystore

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/availability"
	"github.com/reevenet/reeve/internal/core/primitives"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

// maxAncestors is how many blocks runtime-api lists at once.
const maxAncestors = 4096

// trace is the search for the final block of each height at which blocks include candidates that wait for finality.
type trace struct {
	*chain
	task    task
	from    availability.Block // the lowest that is known to be final
	heights []uint64           // that are looked for, ascending
	found   []availability.Block
}

// finalize tells the core which blocks are final, at all heights at which that matters.
func (c *chain) finalize(t task) {
	heights := slices.DeleteFunc(c.store.core.Awaiting(t.number), func(n uint64) bool { return n < c.unknown })
	f := &trace{chain: c, task: t, heights: heights}
	f.take(availability.Block{Number: t.number, Hash: t.hash})
	f.next()
}

// take notes a final block; those are given from the highest to the lowest.
func (f *trace) take(b availability.Block) {
	f.from = b
	if n := len(f.heights); n > 0 && f.heights[n-1] == b.Number {
		f.found, f.heights = append(f.found, b), f.heights[:n-1]
	}
}

// next asks for the blocks below.
func (f *trace) next() {
	if len(f.heights) == 0 {
		f.end()
		return
	}
	before := f.from
	q := &runtimeapiv1.RuntimeApiRequest{Kind: &runtimeapiv1.RuntimeApiRequest_Ancestors{
		Ancestors: &runtimeapiv1.Ancestors{Count: uint32(min(before.Number-f.heights[0], maxAncestors))}}}
	f.question(f.task, before.Hash, q, func(a *runtimeapiv1.RuntimeApiAnswer) {
		for _, b := range a.GetAncestors().GetHashes() {
			hash, err := primitives.HashFrom(b)
			if err != nil || f.from.Number == 0 {
				break
			}
			f.take(availability.Block{Number: f.from.Number - 1, Hash: hash})
		}
		if f.from == before { // this node's knowledge of the chain begins here: it isn't asked again
			f.unknown = before.Number
			f.heights = nil
		}
		f.next()
	})
}

func (f *trace) end() {
	slices.Reverse(f.found)
	b := f.store.core.Finalized(f.found, f.sub.Now())
	for _, a := range b.Actions {
		if w, ok := a.(availability.Write); ok && w.Record.State == availability.Finalized {
			f.sub.About(w.Record.Candidate[:], "final", func() {})
		}
	}
	f.store.write(Work{Batch: b}, nil, nil)
	f.done()
}
