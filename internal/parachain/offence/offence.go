// Package offence checks evidence against validators of the parachain host: a report with the statements that prove it,
// and the keys that its signatures are held against. It needs no node, no chain and no clock, so whoever has a file of
// evidence can check it. It believes no part of a report; what holds here holds for everybody.
//
// One thing it can't know: which group is assigned to a para. Evidence of an unauthorized statement carries that group,
// which is the word of the node that has made it, and whoever has the relay parent's state compares it.
package offence

import (
	"errors"
	"fmt"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// ErrUnproved: the report doesn't prove what it says. It is nobody's fault but its maker's.
var ErrUnproved = errors.New("the report proves nothing")

// MaxStatements is how many statements a report may have: a disagreement has one of each member of a group.
const MaxStatements = 1024

// Finding is a report, read.
type Finding struct {
	Kind      statements.Kind
	Context   signbytes.Context
	Candidate primitives.Hash // of the receipt; zero for a double signature, which has none
	Para      uint32
	Said      []statements.Signed
}

func unproved(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUnproved}, args...)...)
}

// Read reads a report and checks all but its signatures: that it is whole, and that no honest validator would say this.
func Read(m *misbehaviorv1.MisbehaviorReport) (Finding, error) {
	in, err := parachain.Context(m.GetContext())
	if err != nil {
		return Finding{}, unproved("%v", err)
	}
	f := Finding{Context: in}
	receipt, said := f.parts(m)
	if f.Kind != statements.DoubleSign {
		r, err := parachain.Receipt(receipt)
		if err != nil {
			return Finding{}, unproved("%v", err)
		}
		f.Candidate, f.Para = r.Hash(), r.Descriptor.Collation.ParaID
	}
	if len(said) == 0 || len(said) > MaxStatements {
		return Finding{}, unproved("%d statements", len(said))
	}
	for _, s := range said {
		signed, err := parachain.Statement(s)
		if err != nil {
			return Finding{}, unproved("%v", err)
		}
		f.Said = append(f.Said, signed)
	}
	return f, f.contradicts()
}

// parts are the receipt and the statements of a report.
func (f *Finding) parts(m *misbehaviorv1.MisbehaviorReport) (*primitivesv1.CandidateReceipt,
	[]*primitivesv1.SignedStatement) {
	switch k := m.GetKind().(type) {
	case *misbehaviorv1.MisbehaviorReport_CandidateValidityDisagreement:
		f.Kind = statements.Disagreement
		return k.CandidateValidityDisagreement.GetReceipt(), k.CandidateValidityDisagreement.GetStatements()
	case *misbehaviorv1.MisbehaviorReport_SelfContradiction:
		f.Kind = statements.SelfContradiction
		return k.SelfContradiction.GetReceipt(), pair(k.SelfContradiction)
	case *misbehaviorv1.MisbehaviorReport_DoubleVote:
		f.Kind = statements.DoubleVote
		return k.DoubleVote.GetReceipt(), pair(k.DoubleVote)
	case *misbehaviorv1.MisbehaviorReport_UnauthorizedStatement:
		f.Kind = statements.Unauthorized
		return k.UnauthorizedStatement.GetReceipt(),
			[]*primitivesv1.SignedStatement{k.UnauthorizedStatement.GetStatement()}
	case *misbehaviorv1.MisbehaviorReport_DoubleSign:
		f.Kind = statements.DoubleSign
		return nil, pair(k.DoubleSign)
	}
	return nil, nil
}

func pair(r interface {
	GetFirst() *primitivesv1.SignedStatement
	GetSecond() *primitivesv1.SignedStatement
}) []*primitivesv1.SignedStatement {
	return []*primitivesv1.SignedStatement{r.GetFirst(), r.GetSecond()}
}

// Signatories are the validators whose signatures are in the report, ascending; the offenders among them are those that
// the report blames. A disagreement blames nobody by itself.
func (f *Finding) Signatories() (all []uint32, offends func(uint32) bool) {
	for _, s := range f.Said {
		all = append(all, s.Validator)
	}
	slices.Sort(all)
	return slices.Compact(all), func(uint32) bool { return f.Kind != statements.Disagreement }
}
