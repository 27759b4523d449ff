package statements

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// Attested is a candidate with the votes of its group that say that it is valid.
type Attested struct {
	Candidate primitives.Hash
	Para      uint32
	// Group is the whole group, in its order: a member's place is its bit.
	Group []uint32
	// Votes are Seconded and Valid statements, one of a member, in the order of the bits. Whoever counts them reads
	// votes and set bits side by side, so no other order will do.
	Votes []Signed
}

// Quorum tells whether more than half of the group have voted.
func (a Attested) Quorum() bool { return len(a.Votes) >= primitives.BackingQuorum(len(a.Group)) }

// Bits say who has voted: one is set for each such member of the group, in the group's order.
func (a Attested) Bits() primitives.Bits {
	bits := primitives.NewBits(uint32(len(a.Group)))
	for _, v := range a.Votes {
		bits.Set(uint32(slices.Index(a.Group, v.Validator)))
	}
	return bits
}

// Backable lists the candidates that have a quorum, in the order in which they got it, with the votes that they had
// then. A watcher that comes now is given these, and later the Backable of each Outcome.
func (t *Table) Backable() []Attested { return slices.Clone(t.backable) }

// Attested is a candidate with all votes that it has now, many or none; false: it isn't known.
func (t *Table) Attested(id primitives.Hash) (Attested, bool) {
	c := t.candidates[id]
	if c == nil {
		return Attested{}, false
	}
	return t.attested(c), true
}

func (t *Table) attested(c *candidate) Attested {
	votes := slices.DeleteFunc(c.first(), func(s Signed) bool { return !t.counts(s) })
	return Attested{Candidate: c.id, Para: c.para, Group: c.group, Votes: votes}
}

// counts tells whether a validator's first word about a candidate is a vote for it. Invalid is none. Nor is Seconded of
// who has seconded another one before.
func (t *Table) counts(s Signed) bool {
	return s.Verdict == signbytes.Valid || s.Verdict == signbytes.Seconded && t.seconded[s.Validator][0] == s
}
