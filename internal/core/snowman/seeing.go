package snowman

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proof"
	"github.com/reevenet/reeve/internal/core/snowman/history"
)

// What is remembered of votes, and what those that come too late still show.

// saw remembers a vote with a signature that holds.
func (f *certifying) saw(height uint64, v finality.Signed) {
	f.history.At(height).Voted(history.Vote{Signed: v, At: f.now})
}

// accuse tells of two votes of one validator for one place: once at a height.
func (f *certifying) accuse(height uint64, first, second finality.Signed) {
	f.history.At(height).Accused(first.Validator)
	f.emit(Accuse{Height: height, First: first, Second: second})
}

// forked stops the chain: a quorum has decided another block than the one that was accepted here, so validators with a
// third of the stake have signed both. Those of whom votes of one round show it are accused.
func (f *certifying) forked(b *block.Block, p *finality.Proof) {
	if h := f.history.Get(b.Height); h != nil {
		valid := func(v finality.Signed) bool { return f.genuine(b.Height, v) }
		for _, twice := range h.Contradicted(p, valid) {
			f.accuse(b.Height, twice[0], twice[1])
		}
	}
	accepted, _ := f.accepted.at(b.Height)
	f.emit(Halt{
		What: fmt.Sprintf("two blocks are certified at height %d: %s was accepted here, and %s has the votes of a quorum too",
			b.Height, accepted.Short(), b.ID().Short()),
		Other: &proof.Proof{Header: b.Sealed(f.chain), Certificate: p},
	})
}

// late takes a vote for a height that is decided. It changes nothing, and may show that its validator has voted twice:
// only then the signature is checked. False: it is forged.
func (f *certifying) late(from primitives.NodeID, height uint64, v finality.Signed) bool {
	h := f.history.Get(height)
	if h == nil {
		return true
	}
	other := h.Other(v.Vote)
	switch {
	case other == nil:
		if from == f.set.Node(v.Validator) {
			h.Voted(history.Vote{Signed: v, At: f.now, Late: true})
		}
	case !f.ahead.allows(v.Validator, f.now): // enough was checked
	case !f.genuine(height, v):
		return false
	case !other.Late || f.genuine(height, other.Signed):
		f.accuse(height, other.Signed, v)
	}
	return true
}
