package statements

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/signbytes"
)

// maxSeconded is how many candidates of one validator are known: the one that it may second at a relay parent, and the
// one that proves that it has seconded two.
const maxSeconded = 2

// Outcome is what a statement has changed.
type Outcome struct {
	// New: it hadn't been said, and is kept.
	New bool
	// Backable is the candidate, if it has got its quorum by this statement. That happens once to a candidate.
	Backable *Attested
	// Misbehavior is what the statement proves, alone or with what came before.
	Misbehavior []Misbehavior
}

// Import takes a statement whose signature holds. The para is the candidate's and only matters for Seconded, which
// comes with the receipt.
func (t *Table) Import(s Signed, para uint32) (out Outcome) {
	c := t.candidates[s.Candidate]
	switch {
	case s.Validator >= uint32(t.cfg.Validators), s.Verdict < signbytes.Seconded, s.Verdict > signbytes.Invalid:
		return Outcome{}
	case c == nil && s.Verdict != signbytes.Seconded:
		return Outcome{}
	case c == nil:
		c = newCandidate(s.Candidate, para, t.cfg.Groups[para])
	}
	member := slices.Index(c.group, s.Validator)
	if member < 0 {
		t.accuse(&out, Unauthorized, s)
		return out
	}
	if before, twice := c.said(member, s.Verdict); twice {
		if before != s {
			t.accuse(&out, DoubleSign, before, s)
		}
		return out
	}
	if s.Verdict == signbytes.Seconded && !t.second(&out, s) {
		return out
	}
	t.candidates[c.id] = c
	t.add(&out, c, member, s)
	return out
}

// second notes that a validator seconds a candidate; false: it has seconded two others.
func (t *Table) second(out *Outcome, s Signed) bool {
	others := t.seconded[s.Validator]
	if len(others) > 0 {
		t.accuse(out, DoubleVote, others[0], s)
	}
	if len(others) == maxSeconded {
		return false
	}
	t.seconded[s.Validator] = append(others, s)
	return true
}

// add keeps a statement and says what follows from it.
func (t *Table) add(out *Outcome, c *candidate, member int, s Signed) {
	out.New = true
	c.words[member] = append(c.words[member], s)
	if first := c.words[member][0]; first != s {
		t.accuse(out, SelfContradiction, first, s)
		return
	}
	if c.disagrees(s) {
		out.Misbehavior = append(out.Misbehavior, Misbehavior{Disagreement, c.first()})
	}
	if a := t.attested(c); !c.backable && a.Quorum() {
		c.backable = true
		t.backable = append(t.backable, a)
		out.Backable = &a
	}
}
