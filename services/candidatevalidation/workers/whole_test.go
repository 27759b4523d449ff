package workers

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/overseer/overseertest"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	"github.com/reevenet/reeve/services/candidatevalidation"
	"github.com/reevenet/reeve/services/candidatevalidation/wasmtest"
)

// atOnce are real workers, for whose answers the test's one goroutine waits.
type atOnce struct{ *Pool }

func (a atOnce) Run(j candidatevalidation.Job, done func(candidatevalidation.Outcome)) { done(a.do(j)) }

// node is candidate-validation with real workers.
type node struct {
	*overseertest.Overseer
	t *testing.T
}

func newNode(t *testing.T, p *Pool) node {
	return node{overseertest.Start(t, candidatevalidation.Spec(candidatevalidation.Config{Runs: atOnce{p}})), t}
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// validates asks for a judgement of the candidate that adds 2 to 40, by this code.
func (n node) validates(code []byte) *candidatevalidationv1.ValidateResponse {
	n.t.Helper()
	data := candidate.PersistedValidationData{ParentHead: number(40), MaxPoVSize: 8}
	out := candidate.Commitments{HeadData: number(42)}
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	dataHash, err := data.Hash()
	if err != nil {
		n.t.Fatal(err)
	}
	c := signbytes.Collation{
		ParaID: 2000, Collator: [32]byte(key.Public().(ed25519.PublicKey)), PersistedValidationDataHash: dataHash,
		PoVHash: candidate.PoVHash(number(2)), ValidationCodeHash: primitives.HashOf(code),
		ParaHead: primitives.HashOf(number(42)),
	}
	signed, err := c.Encode()
	if err != nil {
		n.t.Fatal(err)
	}
	d := candidate.Descriptor{Collation: c, Signature: [64]byte(ed25519.Sign(key, signed))}
	r, err := candidate.CommittedReceipt{Descriptor: d, Commitments: out}.Receipt()
	if err != nil {
		n.t.Fatal(err)
	}
	a := n.Ask("candidate-backing", &candidatevalidationv1.Validate{
		ValidationCode: n.put(code), Receipt: parachain.ReceiptMessage(r),
		Pov:            &primitivesv1.PoV{BlockData: n.put(number(2))},
		ValidationData: parachain.ValidationDataMessage(data),
	})
	n.Step()
	n.Advance(time.Second) // if it is done again
	n.Step()
	return overseertest.Must[*candidatevalidationv1.ValidateResponse](n.t, a)
}

func (n node) put(b []byte) *primitivesv1.BlobRef {
	n.t.Helper()
	ref, err := n.Blobs.Put("test", b, time.Hour)
	if err != nil {
		n.t.Fatal(err)
	}
	return ref
}

// reasons are what the protocol calls a judgement.
var reasons = map[wasmtest.Judgement]candidatevalidationv1.Invalid_Reason{
	wasmtest.Declined:  candidatevalidationv1.Invalid_REASON_EXECUTION_FAILED,
	wasmtest.Trapped:   candidatevalidationv1.Invalid_REASON_EXECUTION_FAILED,
	wasmtest.Exhausted: candidatevalidationv1.Invalid_REASON_TIMED_OUT,
	wasmtest.BadReturn: candidatevalidationv1.Invalid_REASON_BAD_RETURN,
	wasmtest.Malformed: candidatevalidationv1.Invalid_REASON_CODE_MALFORMED,
	wasmtest.Returned:  candidatevalidationv1.Invalid_REASON_PARA_HEAD_MISMATCH, // not what the receipt promises
}

// This is the whole way: question, blobs, checks, preparation, a confined process, judgement.
func TestACandidateIsJudgedByItsCode(t *testing.T) {
	p := pool(t, Config{})
	n := newNode(t, p)
	for name, code := range map[string][]byte{"C": wasmtest.Adder(t), "Go": wasmtest.Build(t, "examples/adder")} {
		if valid := n.validates(code).GetValid(); valid == nil ||
			string(valid.GetOutputs().GetHeadData()) != string(number(42)) {
			t.Errorf("%s: %v", name, valid)
		}
	}
	for _, c := range wasmtest.Malicious() {
		// Package sandbox has them all.
		if len(c.Code) == 0 || c.Slow || c.Want == wasmtest.Exhausted && c.Name != "a loop" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			want := reasons[c.Want]
			if c.Name == "outputs of no length" {
				want = candidatevalidationv1.Invalid_REASON_BAD_RETURN
			}
			if got := n.validates(c.Code); got.GetInvalid().GetReason() != want {
				t.Errorf("%v", got)
			}
		})
	}
	if n.Trouble("workers") != "" || n.Number("faults") != 0 {
		t.Error(n.Status())
	}
}

// What the reference's validators got wrong, or had to learn.
func TestConformance(t *testing.T) {
	t.Run("T17: a run that takes too long is ended with its process, and is no verdict", func(t *testing.T) {
		p := pool(t, Config{CPU: 100 * time.Millisecond})
		for _, c := range wasmtest.Malicious() {
			if !c.Slow {
				continue
			}
			got := newNode(t, p).validates(c.Code)
			if got.GetFault().GetReason() != candidatevalidationv1.Fault_REASON_WORKER_LOST || len(p.Status()) != 0 {
				t.Errorf("%v, and %v", got, p.Status())
			}
		}
	})
	t.Run("T17: an error of this node's is no verdict", func(t *testing.T) {
		p := pool(t, Config{})
		p.store.dir = "/proc/nowhere"
		got := newNode(t, p).validates(wasmtest.Adder(t))
		if got.GetFault().GetReason() != candidatevalidationv1.Fault_REASON_PREPARATION_FAILED {
			t.Errorf("%v", got)
		}
	})
	t.Run("2.13: what a job's process says is its error is not believed", func(t *testing.T) {
		p := pool(t, Config{})
		code := wasmtest.Adder(t)
		for range 2 {
			w, err := start(p.cfg, "blames the machine", t.TempDir(), proc.Paths{})
			if err != nil || p.add(w) != nil {
				t.Fatal(err)
			}
			w.code = primitives.HashOf(code)
			p.keep(w)
		}
		got := newNode(t, p).validates(code)
		if got.GetInvalid().GetReason() != candidatevalidationv1.Invalid_REASON_EXECUTION_FAILED {
			t.Errorf("%v", got)
		}
	})
	t.Run("2.13: the first death of a job's process is no verdict", func(t *testing.T) {
		p := pool(t, Config{})
		code := wasmtest.Adder(t)
		w, err := start(p.cfg, "crashes", t.TempDir(), proc.Paths{})
		if err != nil || p.add(w) != nil {
			t.Fatal(err)
		}
		w.code = primitives.HashOf(code)
		p.keep(w)
		if got := newNode(t, p).validates(code); got.GetValid() == nil {
			t.Errorf("%v", got)
		}
	})
}
