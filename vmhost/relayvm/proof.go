package relayvm

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
)

// serves tells whether a para's candidate may be put on a core, now or when it is free.
func serves(core scheduler.CoreState, para uint32) bool {
	may := []*scheduler.Assignment{core.Scheduled}
	if core.Occupied != nil {
		may = append(may, core.Occupied.OnAvailable, core.Occupied.OnTimeOut)
	}
	return slices.ContainsFunc(may, func(a *scheduler.Assignment) bool { return a != nil && a.Para == para })
}

// proves tells whether the statements prove what the report says; the signatures are looked at last.
func (f *finding) proves() error {
	if err := f.contradicts(); err != nil {
		return err
	}
	for _, s := range f.said {
		if !signedBy(f.set, f.in, s) {
			return verdictf("a statement isn't signed by validator %d of session %d", s.Validator, f.in.Session)
		}
	}
	return nil
}

// contradicts tells whether no honest validators would say this.
func (f *finding) contradicts() error {
	switch f.kind {
	case statements.Disagreement:
		return f.disagrees()
	case statements.Unauthorized:
		return f.unauthorized()
	}
	a, b := f.said[0], f.said[1]
	same := a.Validator == b.Validator
	holds := false
	switch f.kind {
	case statements.SelfContradiction:
		holds = same && a.Candidate == f.candidate && b.Candidate == f.candidate && a.Verdict != b.Verdict
	case statements.DoubleVote:
		holds = same && a.Verdict == signbytes.Seconded && b.Verdict == signbytes.Seconded &&
			a.Candidate != b.Candidate && (a.Candidate == f.candidate || b.Candidate == f.candidate)
	case statements.DoubleSign:
		holds = same && a.Candidate == b.Candidate && a.Verdict == b.Verdict && a.Signature != b.Signature
	}
	if !holds {
		return verdictf("two statements that are no %v", f.kind)
	}
	return nil
}

func (f *finding) unauthorized() error {
	switch s := f.said[0]; {
	case f.group == nil:
		return verdictf("the group of para %d on %v isn't known", f.para, f.in.RelayParent.Short())
	case s.Candidate != f.candidate:
		return verdictf("the statement is about another candidate")
	case slices.Contains(f.group, s.Validator):
		return verdictf("validator %d is in the group of para %d", s.Validator, f.para)
	}
	return nil
}

func (f *finding) disagrees() error {
	sides := map[bool]bool{}
	for _, s := range f.said {
		if s.Candidate != f.candidate {
			return verdictf("a statement is about another candidate")
		}
		sides[s.Verdict == signbytes.Invalid] = true
	}
	if len(sides) < 2 {
		return verdictf("nobody disagrees")
	}
	return nil
}

// offence is the record of a report that holds.
func (f *finding) offence(height uint64) Offence {
	o := Offence{
		ID: f.id(), Kind: f.kind.String(), Session: f.in.Session, RelayParent: f.in.RelayParent,
		Candidate: f.candidate, Height: height, Offenders: []Offender{},
	}
	guilty := []uint32{f.said[0].Validator}
	if f.kind == statements.Disagreement {
		guilty = f.outvoted()
	}
	for _, v := range guilty {
		o.Offenders = append(o.Offenders, Offender{v, f.set[v].PublicKey})
	}
	return o
}

// outvoted are the members of the group who said the opposite of what a quorum of it says; nobody while there is none.
// Who has said both is on neither side: that is an offence of its own.
func (f *finding) outvoted() []uint32 {
	var sides [2][]uint32
	for _, v := range f.group {
		valid := f.says(v, func(s signbytes.Verdict) bool { return s != signbytes.Invalid })
		invalid := f.says(v, func(s signbytes.Verdict) bool { return s == signbytes.Invalid })
		switch {
		case valid && !invalid:
			sides[0] = append(sides[0], v)
		case invalid && !valid:
			sides[1] = append(sides[1], v)
		}
	}
	quorum := primitives.BackingQuorum(len(f.group))
	switch {
	case len(f.group) == 0:
		return nil
	case len(sides[0]) >= quorum:
		return sides[1]
	case len(sides[1]) >= quorum:
		return sides[0]
	}
	return nil
}

func (f *finding) says(validator uint32, what func(signbytes.Verdict) bool) bool {
	return slices.ContainsFunc(f.said, func(s statements.Signed) bool {
		return s.Validator == validator && what(s.Verdict)
	})
}
