// Package offence checks evidence against validators of the parachain host: a report with the statements that prove it,
// and the keys that its signatures are held against. It needs no node, no chain and no clock, so whoever has a file of
// evidence can check it. It believes no part of a report; what holds here holds for everybody.
//
// One thing it can't know: which group is assigned to a para. An unauthorized statement is proved as far as its
// signature goes, and the relay parent's state has the rest (Finding.Group).
package offence

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

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

// Signatories are the validators whose signatures are in the report, ascending; the offenders among them are those that
// the report blames. A disagreement blames nobody by itself.
func (f *Finding) Signatories() (all []uint32, offends func(uint32) bool) {
	for _, s := range f.Said {
		all = append(all, s.Validator)
	}
	slices.Sort(all)
	return slices.Compact(all), func(uint32) bool { return f.Kind != statements.Disagreement }
}

// ID names a report: the hash of its canonical bytes, which hold what was said and in which context, in the order of the
// validators. A report of the same statements has the same name.
func (f *Finding) ID() primitives.Hash {
	said := slices.Clone(f.Said)
	slices.SortFunc(said, func(a, b statements.Signed) int {
		return slices.Compare(line(a, f.Context), line(b, f.Context))
	})
	b := []byte{byte(f.Kind)}
	b = append(b, f.Candidate[:]...)
	for _, s := range said {
		b = append(b, line(s, f.Context)...)
	}
	return primitives.HashOf([]byte("reeve offence\x00"), b)
}

// line is a statement's canonical bytes with its author and signature.
func line(s statements.Signed, in signbytes.Context) []byte {
	payload, err := s.Payload(in).Encode()
	if err != nil {
		return nil // Read has refused it
	}
	b := append([]byte{byte(s.Validator >> 24), byte(s.Validator >> 16), byte(s.Validator >> 8), byte(s.Validator)},
		payload...)
	return append(b, s.Signature[:]...)
}

// Suffix ends the names of files of evidence.
const Suffix = ".offence"

// MaxFile is the length in bytes of the longest file.
const MaxFile = 1 << 20

// Open reads a file of evidence and proves it with the keys in it.
func Open(b []byte) (*misbehaviorv1.QueryEvidenceResponse, Finding, error) {
	e := &misbehaviorv1.QueryEvidenceResponse{}
	if len(b) > MaxFile {
		return nil, Finding{}, unproved("%d bytes", len(b))
	}
	if err := proto.Unmarshal(b, e); err != nil {
		return nil, Finding{}, unproved("%v", err)
	}
	f, err := Read(e.GetReport())
	if err != nil {
		return nil, f, err
	}
	keys := map[uint32]ed25519.PublicKey{}
	for _, s := range e.GetSignatories() {
		keys[s.GetIndex()] = s.GetValidator().GetPublicKey()
	}
	if id := f.ID(); string(id[:]) != string(e.GetId()) {
		return nil, f, unproved("it has another name than its content")
	}
	return e, f, f.Prove(func(v uint32) ed25519.PublicKey { return keys[v] })
}
