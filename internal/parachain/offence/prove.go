package offence

import (
	"crypto/ed25519"
	"slices"

	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
)

// contradicts tells whether no honest validators would say this.
func (f *Finding) contradicts() error {
	about := func(s statements.Signed) bool { return s.Candidate == f.Candidate }
	switch f.Kind {
	case statements.Disagreement:
		invalid := func(s statements.Signed) bool { return s.Verdict == signbytes.Invalid }
		if slices.ContainsFunc(f.Said, func(s statements.Signed) bool { return !about(s) }) ||
			!slices.ContainsFunc(f.Said, invalid) || !slices.ContainsFunc(f.Said, not(invalid)) || f.twice() {
			return unproved("the statements don't disagree about one candidate")
		}
		return nil
	case statements.Unauthorized:
		if !about(f.Said[0]) {
			return unproved("the statement is about another candidate")
		}
		return nil
	}
	a, b := f.Said[0], f.Said[1]
	seconded := a.Verdict == signbytes.Seconded && b.Verdict == signbytes.Seconded
	holds := false
	switch f.Kind {
	case statements.SelfContradiction:
		holds = about(a) && about(b) && a.Verdict != b.Verdict
	case statements.DoubleVote:
		holds = seconded && a.Candidate != b.Candidate && (about(a) || about(b))
	case statements.DoubleSign:
		holds = a.Candidate == b.Candidate && a.Verdict == b.Verdict && a.Signature != b.Signature
	}
	if !holds || a.Validator != b.Validator {
		return unproved("the two statements are no %v", f.Kind)
	}
	return nil
}

func not(is func(statements.Signed) bool) func(statements.Signed) bool {
	return func(s statements.Signed) bool { return !is(s) }
}

// twice tells whether a validator is there more than once.
func (f *Finding) twice() bool {
	seen := map[uint32]bool{}
	for _, s := range f.Said {
		if seen[s.Validator] {
			return true
		}
		seen[s.Validator] = true
	}
	return false
}

// Prove checks the signatures: keys gives the key of a validator of the session, or nil.
func (f *Finding) Prove(keys func(validator uint32) ed25519.PublicKey) error {
	for _, s := range f.Said {
		if !parachain.VerifyStatement(f.Context, s, keys(s.Validator)) {
			return unproved("a statement isn't signed by validator %d of session %d", s.Validator, f.Context.Session)
		}
	}
	return nil
}

// Trespasses checks what the signature of an unauthorized statement can't show: that its author isn't one of the group
// that backs the candidate's para. Of other reports nothing is asked. A para without a group is nobody's, and nothing.
func (f *Finding) Trespasses(group []uint32) error {
	switch {
	case f.Kind != statements.Unauthorized:
		return nil
	case len(group) == 0:
		return unproved("no group is known that backs para %d", f.Para)
	case slices.Contains(group, f.Said[0].Validator):
		return unproved("validator %d is in the group of para %d", f.Said[0].Validator, f.Para)
	}
	return nil
}
