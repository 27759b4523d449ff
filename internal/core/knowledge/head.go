package knowledge

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
)

// Note is what a statement is to this node.
type Note uint8

// The notes.
const (
	// NotUseful: it isn't kept.
	NotUseful Note = iota
	// Known: it is kept already.
	Known
	// Fresh: it is kept from now on. It is to be counted, and the receipt of a Seconded to be kept.
	Fresh
	// Early: the relay parent is in this node's view and not active yet. It wasn't noted; the caller may give it again
	// after Activate, unless the peer has meanwhile ceased to share it (Shares). What depends on it costs nothing.
	Early
)

// head is an active relay parent.
type head struct {
	validators int
	candidates map[primitives.Hash]*candidate
	order      []*candidate // as they became known
	seconded   map[uint32][]primitives.Hash
	words      map[uint32]int
	mine       []statements.Signed // this node's own, which are few
}

// candidate is what validators have said about a candidate, in the order in which it came.
type candidate struct{ seconded, other []statements.Signed }

func newHead(validators int) *head {
	return &head{
		validators: validators, candidates: map[primitives.Hash]*candidate{}, seconded: map[uint32][]primitives.Hash{},
		words: map[uint32]int{},
	}
}

// note keeps a statement, if it is of use.
func (h *head) note(s statements.Signed) Note {
	c := h.candidates[s.Candidate]
	seconds := s.Verdict == signbytes.Seconded
	switch {
	case c == nil && !seconds, seconds && isThird(h.seconded[s.Validator], s.Candidate):
		return NotUseful
	case c == nil:
		c = &candidate{}
	}
	list := &c.other
	if seconds {
		list = &c.seconded
	}
	switch same := alike(*list, s); {
	case slices.Contains(same, s):
		return Known
	case len(same) >= maxSignatures || h.words[s.Validator] >= maxWords:
		return NotUseful
	}
	*list = append(*list, s)
	h.words[s.Validator]++
	if h.candidates[s.Candidate] == nil {
		h.candidates[s.Candidate], h.order = c, append(h.order, c)
	}
	if of := h.seconded[s.Validator]; seconds && !slices.Contains(of, s.Candidate) {
		h.seconded[s.Validator] = append(of, s.Candidate)
	}
	return Fresh
}

// alike lists what says the same, with whatever signature.
func alike(list []statements.Signed, s statements.Signed) (same []statements.Signed) {
	for _, other := range list {
		if fingerprintOf(other) == fingerprintOf(s) {
			same = append(same, other)
		}
	}
	return same
}

// all lists the statements about all candidates, Seconded first.
func (h *head) all() (list []statements.Signed) {
	for _, c := range h.order {
		list = append(list, c.seconded...)
	}
	for _, c := range h.order {
		list = append(list, c.other...)
	}
	return list
}

// own tells whether a statement is this node's.
func (h *head) own(s statements.Signed) bool { return slices.Contains(h.mine, s) }

// seconding lists the statements that second a candidate.
func (h *head) seconding(id primitives.Hash) []statements.Signed {
	if c := h.candidates[id]; c != nil {
		return c.seconded
	}
	return nil
}

// about lists the statements about a candidate, Seconded first.
func (h *head) about(id primitives.Hash) []statements.Signed {
	if c := h.candidates[id]; c != nil {
		return slices.Concat(c.seconded, c.other)
	}
	return nil
}
