package relayvm

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// maxEvidence is how many blocks back a relay parent may be for its groups to be looked up. It is the same for all
// nodes, however many states each of them keeps.
const maxEvidence = 128

// finding is a report of misbehaviour, read.
type finding struct {
	kind      statements.Kind
	in        signbytes.Context
	candidate primitives.Hash
	para      uint32
	said      []statements.Signed
	set       []Validator // of the session; nil: it isn't known
	// group is that of the para at the relay parent; nil: it isn't known.
	group []uint32
}

// finding reads a report, whatever the message is.
func (r *run) finding(m *misbehaviorv1.MisbehaviorReport) (*finding, error) {
	in, err := parachain.Context(m.GetContext())
	if err != nil {
		return nil, verdictf("%v", err)
	}
	f := &finding{in: in, set: r.world.validators(in.Session)}
	var receipt *primitivesv1.CandidateReceipt
	var list []*primitivesv1.SignedStatement
	switch k := m.GetKind().(type) {
	case *misbehaviorv1.MisbehaviorReport_CandidateValidityDisagreement:
		d := k.CandidateValidityDisagreement
		f.kind, receipt, list = statements.Disagreement, d.GetReceipt(), d.GetStatements()
	case *misbehaviorv1.MisbehaviorReport_SelfContradiction:
		d := k.SelfContradiction
		f.kind, receipt, list = statements.SelfContradiction, d.GetReceipt(), both(d.GetFirst(), d.GetSecond())
	case *misbehaviorv1.MisbehaviorReport_DoubleVote:
		d := k.DoubleVote
		f.kind, receipt, list = statements.DoubleVote, d.GetReceipt(), both(d.GetFirst(), d.GetSecond())
	case *misbehaviorv1.MisbehaviorReport_UnauthorizedStatement:
		d := k.UnauthorizedStatement
		f.kind, receipt = statements.Unauthorized, d.GetReceipt()
		list = []*primitivesv1.SignedStatement{d.GetStatement()}
	case *misbehaviorv1.MisbehaviorReport_DoubleSign:
		f.kind, list = statements.DoubleSign, both(k.DoubleSign.GetFirst(), k.DoubleSign.GetSecond())
	default:
		return nil, verdictf("it is of no kind that is known")
	}
	if err := f.read(receipt, list); err != nil {
		return nil, err
	}
	f.group = r.groupAt(in.RelayParent, f.para)
	return f, nil
}

func both(a, b *primitivesv1.SignedStatement) []*primitivesv1.SignedStatement {
	return []*primitivesv1.SignedStatement{a, b}
}

// read takes the report's receipt and statements. There are two statements of a validator at most.
func (f *finding) read(receipt *primitivesv1.CandidateReceipt, list []*primitivesv1.SignedStatement) error {
	if f.set == nil {
		return verdictf("the validators of session %d aren't known", f.in.Session)
	}
	if len(list) > 2*len(f.set) {
		return verdictf("it has %d statements", len(list))
	}
	for _, m := range list {
		s, err := parachain.Statement(m)
		if err != nil {
			return verdictf("%v", err)
		}
		f.said = append(f.said, s)
	}
	slices.SortFunc(f.said, compareStatements)
	if f.kind == statements.Disagreement {
		f.said = slices.Compact(f.said)
	}
	if f.kind == statements.DoubleSign {
		f.candidate = f.said[0].Candidate
		return nil
	}
	c, err := parachain.Receipt(receipt)
	if err != nil {
		return verdictf("%v", err)
	}
	return f.about(c)
}

func (f *finding) about(c candidate.Receipt) error {
	if c.Descriptor.Collation.RelayParent != f.in.RelayParent {
		return verdictf("the candidate was made on another block than the statements")
	}
	f.candidate, f.para = c.Hash(), c.Descriptor.Collation.ParaID
	return nil
}
