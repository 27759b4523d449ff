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
	// disputed: it was reported that the group disagrees, and decided: who was outvoted.
	disputed, decided bool
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

// disagrees tells whether a statement that was just added makes a disagreement that is to be reported: when the group
// begins to disagree, when more than half of it have said the same, and with each who says the opposite after that. So
// all that are outvoted are reported, each once, and those who agree with the others add nothing.
func (c *candidate) disagrees(s Signed) bool {
	first := c.first()
	against := 0
	for _, w := range first {
		if w.Verdict == signbytes.Invalid {
			against++
		}
	}
	if against == 0 || against == len(first) {
		return false
	}
	quorum := primitives.BackingQuorum(len(c.group))
	begins, decides := !c.disputed, !c.decided && max(against, len(first)-against) >= quorum
	c.disputed, c.decided = true, c.decided || decides
	outvoted := c.decided && (s.Verdict == signbytes.Invalid) != (against >= quorum)
	return begins || decides || outvoted
}
