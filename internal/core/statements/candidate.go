package statements

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// candidate is what is known of a candidate.
type candidate struct {
	id    primitives.Hash
	para  uint32
	group []uint32
	// words is what each member of the group has said, in the order in which it came: at most one of each verdict, of
	// which the first counts.
	words    [][]Signed
	backable bool
}

func newCandidate(id primitives.Hash, para uint32, group []uint32) *candidate {
	return &candidate{id: id, para: para, group: group, words: make([][]Signed, len(group))}
}

// said finds what a member has said, with this verdict.
func (c *candidate) said(member int, v signbytes.Verdict) (Signed, bool) {
	i := slices.IndexFunc(c.words[member], func(s Signed) bool { return s.Verdict == v })
	if i < 0 {
		return Signed{}, false
	}
	return c.words[member][i], true
}

// first lists the members' first words in the order of the group.
func (c *candidate) first() (all []Signed) {
	for _, words := range c.words {
		if len(words) > 0 {
			all = append(all, words[0])
		}
	}
	return all
}

// disputed tells whether a member says that the candidate is valid, and another one that it isn't.
func (c *candidate) disputed() bool {
	first := c.first()
	return slices.ContainsFunc(first, Signed.vouches) &&
		slices.ContainsFunc(first, func(s Signed) bool { return s.Verdict == signbytes.Invalid })
}
