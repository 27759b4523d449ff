package offence_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/internal/parachain/offence"
	"github.com/reevenet/reeve/internal/parachain/offence/offencetest"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

var in = signbytes.Context{Session: 3, RelayParent: primitives.Hash{'r'}}

const (
	seconded = signbytes.Seconded
	valid    = signbytes.Valid
	invalid  = signbytes.Invalid
)

func keyOf(v uint32) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(v + 1)}, ed25519.SeedSize))
}

func public(v uint32) ed25519.PublicKey {
	if v >= 10 {
		return nil
	}
	return keyOf(v).Public().(ed25519.PublicKey)
}

// made is a candidate of para 7 with a head of that name.
func made(head string) candidate.Receipt {
	return candidate.Receipt{Descriptor: candidate.Descriptor{Collation: signbytes.Collation{
		ParaID: 7, RelayParent: in.RelayParent, ParaHead: primitives.HashOf([]byte(head)),
	}}}
}

func payload(s statements.Signed) []byte {
	b, err := s.Payload(in).Encode()
	if err != nil {
		panic(err)
	}
	return b
}

// says is a validator's statement about a candidate.
func says(v uint32, verdict signbytes.Verdict, head string) *primitivesv1.SignedStatement {
	s := statements.Signed{Verdict: verdict, Candidate: made(head).Hash(), Validator: v}
	s.Signature = [64]byte(ed25519.Sign(keyOf(v), payload(s)))
	return parachain.StatementMessage(s)
}

// again is the same statement with another signature that holds.
func again(v uint32, verdict signbytes.Verdict, head string) *primitivesv1.SignedStatement {
	s := statements.Signed{Verdict: verdict, Candidate: made(head).Hash(), Validator: v}
	s.Signature = offencetest.Again(keyOf(v), payload(s))
	return parachain.StatementMessage(s)
}

func report() *misbehaviorv1.MisbehaviorReport {
	return &misbehaviorv1.MisbehaviorReport{Context: parachain.ContextMessage(in)}
}

func disagreement(said ...*primitivesv1.SignedStatement) *misbehaviorv1.MisbehaviorReport {
	r := report()
	r.Kind = &misbehaviorv1.MisbehaviorReport_CandidateValidityDisagreement{
		CandidateValidityDisagreement: &misbehaviorv1.CandidateValidityDisagreement{
			Receipt: parachain.ReceiptMessage(made("a")), Statements: said}}
	return r
}

func contradiction(a, b *primitivesv1.SignedStatement) *misbehaviorv1.MisbehaviorReport {
	r := report()
	r.Kind = &misbehaviorv1.MisbehaviorReport_SelfContradiction{SelfContradiction: &misbehaviorv1.SelfContradiction{
		Receipt: parachain.ReceiptMessage(made("a")), First: a, Second: b}}
	return r
}

func doubleVote(a, b *primitivesv1.SignedStatement) *misbehaviorv1.MisbehaviorReport {
	r := report()
	r.Kind = &misbehaviorv1.MisbehaviorReport_DoubleVote{DoubleVote: &misbehaviorv1.DoubleVote{
		Receipt: parachain.ReceiptMessage(made("a")), First: a, Second: b}}
	return r
}

func unauthorized(s *primitivesv1.SignedStatement) *misbehaviorv1.MisbehaviorReport {
	r := report()
	r.Kind = &misbehaviorv1.MisbehaviorReport_UnauthorizedStatement{
		UnauthorizedStatement: &misbehaviorv1.UnauthorizedStatement{
			Receipt: parachain.ReceiptMessage(made("a")), Statement: s}}
	return r
}

func doubleSign(a, b *primitivesv1.SignedStatement) *misbehaviorv1.MisbehaviorReport {
	r := report()
	r.Kind = &misbehaviorv1.MisbehaviorReport_DoubleSign{DoubleSign: &misbehaviorv1.DoubleSign{First: a, Second: b}}
	return r
}

// all is a report of each kind that holds; 1, 2 and 4 are the group of para 7.
func all() map[string]*misbehaviorv1.MisbehaviorReport {
	return map[string]*misbehaviorv1.MisbehaviorReport{
		"disagreement on validity": disagreement(says(4, seconded, "a"), says(1, invalid, "a"), says(2, valid, "a")),
		"self-contradiction":       contradiction(says(2, valid, "a"), says(2, invalid, "a")),
		"double vote":              doubleVote(says(2, seconded, "b"), says(2, seconded, "a")),
		"unauthorized statement":   unauthorized(says(5, valid, "a")),
		"double signature":         doubleSign(says(2, valid, "a"), again(2, valid, "a")),
	}
}

// file is evidence of a report, as misbehavior-arbitration makes it.
func file(t interface{ Fatal(...any) }, r *misbehaviorv1.MisbehaviorReport) []byte {
	f, err := offence.Read(r)
	if err != nil {
		t.Fatal(err)
	}
	id := f.ID()
	e := &misbehaviorv1.QueryEvidenceResponse{Id: id[:], Report: r, RecordedMillis: 1, Group: []uint32{2, 1, 4}}
	who, offends := f.Signatories()
	for _, v := range who {
		e.Signatories = append(e.Signatories, &misbehaviorv1.Signatory{
			Index: v, Validator: &primitivesv1.Validator{PublicKey: public(v)}, Offender: offends(v)})
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEachKindIsEvidenceThatNeedsNothingElse(t *testing.T) {
	for name, r := range all() {
		e, f, err := offence.Open(file(t, r))
		if err != nil || f.Kind.String() != name || !proto.Equal(e.GetReport(), r) {
			t.Errorf("%s: %v, %v", name, f.Kind, err)
		}
		for _, s := range e.GetSignatories() {
			if s.GetOffender() != (name != "disagreement on validity") {
				t.Errorf("%s: validator %d offends: %t", name, s.GetIndex(), s.GetOffender())
			}
		}
	}
}

func TestWhatHonestValidatorsMaySayProvesNothing(t *testing.T) {
	a := says(2, valid, "a")
	many := make([]*primitivesv1.SignedStatement, offence.MaxStatements+1)
	for name, r := range map[string]*misbehaviorv1.MisbehaviorReport{
		"nothing":                               nil,
		"of no kind":                            report(),
		"no statements":                         disagreement(),
		"all agree":                             disagreement(says(1, seconded, "a"), a),
		"about another candidate":               disagreement(a, says(1, invalid, "b")),
		"one at odds with himself":              disagreement(a, says(2, invalid, "a")),
		"more than a group can say":             disagreement(many...),
		"the same twice":                        contradiction(a, a),
		"valid for one, invalid for another":    contradiction(a, says(1, invalid, "a")),
		"two verdicts on two candidates":        contradiction(a, says(2, invalid, "b")),
		"half a contradiction":                  contradiction(a, nil),
		"two seconded by two":                   doubleVote(says(1, seconded, "a"), says(2, seconded, "b")),
		"two seconded, neither is the report's": doubleVote(says(2, seconded, "c"), says(2, seconded, "b")),
		"one is only held valid":                doubleVote(a, says(2, seconded, "b")),
		"one signature twice":                   doubleSign(a, a),
		"two signatures of two":                 doubleSign(a, says(1, valid, "a")),
		"unauthorized about another":            unauthorized(says(5, valid, "b")),
	} {
		if f, err := offence.Read(r); !errors.Is(err, offence.ErrUnproved) {
			t.Errorf("%s: %v, %v", name, f.Kind, err)
		}
	}
}

func TestNobodyIsBlamedForWhatHeHasNotSigned(t *testing.T) {
	forged := says(2, invalid, "a")
	forged.Signature[5] ^= 1
	disguised := says(1, valid, "a")
	disguised.Validator = 2
	elsewhere := contradiction(says(2, valid, "a"), says(2, invalid, "a"))
	elsewhere.Context.Session++
	for name, r := range map[string]*misbehaviorv1.MisbehaviorReport{
		"forged":              contradiction(says(2, valid, "a"), forged),
		"of another session":  elsewhere,
		"by somebody unknown": unauthorized(says(77, valid, "a")),
		"another's disguised": doubleSign(says(2, valid, "a"), disguised),
		"by one of the group": unauthorized(says(4, valid, "a")),
	} {
		if _, _, err := offence.Open(file(t, r)); !errors.Is(err, offence.ErrUnproved) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f, err := offence.Read(unauthorized(says(5, valid, "a")))
	if err != nil || !errors.Is(f.Trespasses(nil), offence.ErrUnproved) {
		t.Errorf("nobody knows the group: %v", err)
	}
}

func TestAReportHasOneNameInWhateverOrderItIsTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		said := []*primitivesv1.SignedStatement{says(1, seconded, "a"), says(2, valid, "a"), says(4, invalid, "a")}
		f, err := offence.Read(disagreement(said...))
		g, err2 := offence.Read(disagreement(rapid.Permutation(said).Draw(t, "said")...))
		if err != nil || err2 != nil || f.ID() != g.ID() {
			t.Fatal(f.ID(), g.ID(), err, err2)
		}
	})
	seen := map[primitives.Hash]string{}
	for name, r := range all() {
		f, err := offence.Read(r)
		if other := seen[f.ID()]; err != nil || other != "" {
			t.Errorf("%s and %s have one name; %v", name, other, err)
		}
		seen[f.ID()] = name
	}
}

// Who is at odds with all others takes nobody's room but his own.
func TestEvidenceIsOnTheAccountOfWhoIsBlamedOrAlone(t *testing.T) {
	for name, c := range map[string]struct {
		r    *misbehaviorv1.MisbehaviorReport
		want uint32
	}{
		"one says invalid":     {disagreement(says(1, seconded, "a"), says(2, valid, "a"), says(4, invalid, "a")), 4},
		"one says valid":       {disagreement(says(1, invalid, "a"), says(2, invalid, "a"), says(4, seconded, "a")), 4},
		"one against one":      {disagreement(says(1, seconded, "a"), says(4, invalid, "a")), 4},
		"a self-contradiction": {contradiction(says(4, seconded, "a"), says(4, invalid, "a")), 4},
	} {
		f, err := offence.Read(c.r)
		if err != nil || f.Account() != c.want {
			t.Errorf("%s: validator %d, %v", name, f.Account(), err)
		}
	}
	f, err := offence.Read(disagreement(says(4, seconded, "a"), says(1, invalid, "a"), says(2, valid, "a")))
	if err != nil {
		t.Fatal(err)
	}
	yes, no := f.Sides()
	if diff := cmp.Diff([][]uint32{{2, 4}, {1}}, [][]uint32{yes, no}); diff != "" {
		t.Error(diff)
	}
}

// Whatever byte of a file is changed, nobody is blamed for more than before: the words of the node that made it, which
// prove nothing, may be others.
func TestEvidenceThatWasChangedDoesNotHold(t *testing.T) {
	for name, r := range all() {
		good := file(t, r)
		_, want, err := offence.Open(good)
		if err != nil {
			t.Fatal(err)
		}
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 0x10
			e, got, err := offence.Open(bad)
			if err == nil && (got.ID() != want.ID() || !slices.Equal(keysOf(e), keysOf(mustOpen(t, good)))) {
				t.Errorf("%s: with another byte %d it holds", name, i)
			}
		}
	}
}

func mustOpen(t *testing.T, b []byte) *misbehaviorv1.QueryEvidenceResponse {
	e, _, err := offence.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func keysOf(e *misbehaviorv1.QueryEvidenceResponse) (keys []string) {
	for _, s := range e.GetSignatories() {
		keys = append(keys, string(s.GetValidator().GetPublicKey()))
	}
	return keys
}

func TestAFileThatIsTooMuchIsNotRead(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing":           nil,
		"bytes":             []byte("evidence"),
		"too long":          make([]byte, offence.MaxFile+1),
		"empty signatories": bytes.Repeat([]byte{0x1a, 0}, offence.MaxFile/2),
	} {
		if _, _, err := offence.Open(b); !errors.Is(err, offence.ErrUnproved) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzOpen: nothing makes the reader fall, and what holds, holds again when it is written anew.
func FuzzOpen(f *testing.F) {
	for _, r := range all() {
		f.Add(file(f, r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, found, err := offence.Open(b)
		if err != nil {
			return
		}
		_ = found.Account()
		anew, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, same, err := offence.Open(anew); err != nil || same.ID() != found.ID() {
			t.Errorf("%v, %v", same.ID(), err)
		}
	})
}
