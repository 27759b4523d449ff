package snowman

import (
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
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
