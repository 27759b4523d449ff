package parachain_test

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

func hash(text string) primitives.Hash { return primitives.HashOf([]byte(text)) }

func committed() candidate.CommittedReceipt {
	return candidate.CommittedReceipt{
		Descriptor: candidate.Descriptor{
			Collation: signbytes.Collation{
				ParaID: 7, RelayParent: hash("parent"), Collator: hash("collator"),
				PersistedValidationDataHash: hash("data"), PoVHash: hash("pov"), ErasureRoot: hash("root"),
				ValidationCodeHash: hash("code"), ParaHead: hash("head"),
			},
			Signature: [64]byte{1, 2},
		},
		Commitments: candidate.Commitments{
			HeadData: []byte("head"), UpwardMessages: [][]byte{{1}, {2, 3}},
			NewValidationCode: &candidate.Code{Hash: hash("new"), Size: 9}, ProcessedDownwardMessages: 3,
		},
	}
}

func TestWhatGoesIntoAMessageComesOutOfIt(t *testing.T) {
	r := committed()
	got, err := parachain.Committed(parachain.CommittedMessage(r))
	if diff := cmp.Diff(r, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	short, err := r.Receipt()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parachain.Receipt(parachain.ReceiptMessage(short)); got != short || err != nil {
		t.Error(got, err)
	}
	data := candidate.PersistedValidationData{
		ParentHead: []byte("before"), RelayParentNumber: 4, RelayParentStorageRoot: hash("state"), MaxPoVSize: 5,
	}
	if got, err := parachain.ValidationData(parachain.ValidationDataMessage(data)); err != nil || !cmp.Equal(got, data) {
		t.Error(got, err)
	}
	for _, v := range []signbytes.Verdict{signbytes.Seconded, signbytes.Valid, signbytes.Invalid} {
		s := statements.Signed{Verdict: v, Candidate: hash("c"), Validator: 2, Signature: [64]byte{3}}
		if got, err := parachain.Statement(parachain.StatementMessage(s)); got != s || err != nil {
			t.Error(got, err)
		}
	}
	b := parachain.SignedBitfield{Validator: 1, Cores: primitives.NewBits(9, 0, 8), Signature: [64]byte{4}}
	if got, err := parachain.Bitfield(parachain.BitfieldMessage(b)); err != nil || !cmp.Equal(got, b) {
		t.Error(got, err)
	}
}

// A statement with the whole receipt and one with its hash are one statement.
func TestBothFormsOfSecondedHaveOneSignature(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(nil)
	in := signbytes.Context{Session: 3, RelayParent: hash("parent")}
	r := committed()
	id, err := r.Hash()
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signbytes.Statement{Context: in, Verdict: signbytes.Seconded, Candidate: id}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	whole := &primitivesv1.SignedStatement{
		Statement: &primitivesv1.Statement{
			Kind: &primitivesv1.Statement_Seconded{Seconded: parachain.CommittedMessage(r)}},
		Validator: 1, Signature: ed25519.Sign(private, payload),
	}
	s, err := parachain.Statement(whole)
	if err != nil || !parachain.VerifyStatement(in, s, public) {
		t.Fatal(s, err)
	}
	compact, err := parachain.Statement(parachain.StatementMessage(s))
	if err != nil || compact != s {
		t.Error(compact, err)
	}
	in.Session++
	if parachain.VerifyStatement(in, s, public) {
		t.Error("it holds in another session")
	}
	if parachain.VerifyStatement(in, s, nil) {
		t.Error("it holds with no key")
	}
}

func TestMalformedMessagesAreErrors(t *testing.T) {
	short := parachain.CommittedMessage(committed())
	short.Descriptor_.PovHash = []byte{1}
	unsigned := parachain.CommittedMessage(committed())
	unsigned.Descriptor_.Signature = nil
	bare := parachain.CommittedMessage(committed())
	bare.Commitments = nil
	for name, m := range map[string]*primitivesv1.CommittedCandidateReceipt{
		"nothing": nil, "a short hash": short, "no signature": unsigned, "no commitments": bare,
	} {
		if _, err := parachain.Committed(m); !errors.Is(err, candidate.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parachain.Statement(&primitivesv1.SignedStatement{Signature: make([]byte, 64)}); err == nil {
		t.Error("a statement that says nothing")
	}
	if _, err := parachain.Bits(&primitivesv1.Bits{Length: 3, Bits: []byte{0xff}}); err == nil {
		t.Error("bits past the end")
	}
	if _, err := parachain.Context(&primitivesv1.SigningContext{}); err == nil {
		t.Error("a context without a relay parent")
	}
}
