package statementdistribution

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

// longest is a receipt that has as many bytes and messages as one may have.
func longest(n int) candidate.CommittedReceipt {
	r := receipt(rp, n)
	for range candidate.MaxUpwardMessages {
		r.Commitments.UpwardMessages = append(r.Commitments.UpwardMessages, bytes.Repeat([]byte{1}, 3<<10))
	}
	r.Commitments.HeadData = make([]byte, 60<<10)
	return r
}

// Statements travel in as few messages as they fit, and every peer can read these.
func TestManyStatementsTravelInSeveralMessages(t *testing.T) {
	r := &relayParent{hash: rp, receipts: map[primitives.Hash]*primitivesv1.CommittedCandidateReceipt{}}
	var list []statements.Signed
	for n := range 8 {
		m := longest(n)
		h, err := m.Hash()
		if err != nil {
			t.Fatal(err)
		}
		r.receipts[h] = parachain.CommittedMessage(m)
		list = append(list, statements.Signed{Verdict: seconded, Candidate: h, Validator: uint32(n)})
	}
	for n := range uint32(100) {
		list = append(list, statements.Signed{Verdict: valid, Candidate: list[0].Candidate, Validator: n})
	}
	payloads := r.payloads(list)
	var got []statements.Signed
	for _, p := range payloads {
		said, err := read(p)
		if err != nil {
			t.Fatalf("%d bytes: %v", len(p), err)
		}
		for _, s := range said.spoken {
			got = append(got, s.signed)
		}
	}
	if diff := cmp.Diff(list, got); diff != "" || len(payloads) != 4 {
		t.Errorf("%d messages: %s", len(payloads), diff)
	}
}

func TestWhatIsTooMuchForOneMessageIsRefusedBeforeItIsDecoded(t *testing.T) {
	many := &sdv1.Statements{RelayParent: rp[:]}
	for range sdv1.MaxStatements + 1 {
		many.Statements = append(many.Statements, says(alice, valid, 1))
	}
	empty := bytes.Repeat([]byte{0x12, 0}, 100_000) // so many statements without content
	for name, b := range map[string][]byte{
		"statements": encode(many), "none": encode(&sdv1.Statements{RelayParent: rp[:]}), "nothing": nil,
		"bytes": make([]byte, wireBudget.Bytes+1), "elements": append([]byte{0x0a, 0xc0, 0x9a, 0x0c}, empty...),
		"relay parent": encode(&sdv1.Statements{Statements: []*primitivesv1.SignedStatement{says(alice, valid, 1)}}),
	} {
		if _, err := read(b); err == nil {
			t.Errorf("%s: it is read", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

// FuzzRead reads anything as a peer's message. What is accepted says something that can be sent on as it came.
func FuzzRead(f *testing.F) {
	f.Add(encode(&sdv1.Statements{RelayParent: rp[:], Statements: []*primitivesv1.SignedStatement{
		says(alice, seconded, 1), says(bob, valid, 1), says(claire, invalid, 1)}}))
	f.Add([]byte{0x0a, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		said, err := read(b)
		if err != nil {
			return
		}
		if len(said.spoken) == 0 || len(said.spoken) > sdv1.MaxStatements {
			t.Fatalf("%d statements", len(said.spoken))
		}
		for _, s := range said.spoken {
			again, err := parachain.Statement(proto.CloneOf(s.message))
			if err != nil || again != s.signed || s.seconds() != (s.message.GetStatement().GetSeconded() != nil) {
				t.Fatalf("%v: %v, %v", s.message, again, err)
			}
		}
	})
}

// FuzzPeer lets a peer say anything. Nothing may panic, and what a good peer beside it says is passed on.
func FuzzPeer(f *testing.F) {
	f.Add(encode(&sdv1.Statements{RelayParent: rp[:], Statements: []*primitivesv1.SignedStatement{
		says(alice, seconded, 1), forged(bob, valid, 1)}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := start(t)
		s.connect(1, rp)
		s.connect(2, rp)
		s.bytes(1, b)
		s.news()
		s.hear(2, says(claire, seconded, 200))
		s.expect("backing: seconded 200 by 2", "to 1: seconded 200 by 2")
	})
}
