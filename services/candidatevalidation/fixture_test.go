package candidatevalidation

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// fakes are workers that do what the test says, when it says so.
type fakes struct {
	jobs   []Job
	done   []func(Outcome)
	closed bool

	prepared []primitives.Hash
	ready    []func(error)
}

func (f *fakes) Run(j Job, done func(Outcome)) {
	f.jobs, f.done = append(f.jobs, j), append(f.done, done)
}

func (f *fakes) Prepare(hash primitives.Hash, _ []byte, done func(error)) {
	f.prepared = append(f.prepared, hash)
	f.ready = append(f.ready, done)
}

func (f *fakes) Status() []Worker { return []Worker{{PID: 7, Busy: len(f.done) > 0}} }
func (f *fakes) Close()           { f.closed = true }

// node is a subsystem under test, with its workers.
type node struct {
	*overseertest.Overseer
	t     *testing.T
	fakes *fakes
}

func newNode(t *testing.T, cfg Config) *node {
	n := &node{t: t, fakes: &fakes{}}
	cfg.Runs = n.fakes
	n.Overseer = overseertest.Start(t, Spec(cfg))
	return n
}

// put lays bytes into the node's blob store.
func (n *node) put(b []byte) *primitivesv1.BlobRef {
	n.t.Helper()
	ref, err := n.Blobs.Put("test", b, time.Hour)
	if err != nil {
		n.t.Fatal(err)
	}
	return ref
}

// ends has the worker that was given the oldest job end it.
func (n *node) ends(o Outcome) {
	n.t.Helper()
	if len(n.fakes.done) == 0 {
		n.t.Fatal("no worker has a job")
	}
	done := n.fakes.done[0]
	n.fakes.done = n.fakes.done[1:]
	done(o)
	n.Step()
}

// The candidate of all stories: the receipt promises what its code returns.
var (
	collator = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	code     = []byte("the para's code")
	pov      = []byte("the para's block")
	outputs  = candidate.Commitments{HeadData: []byte("head 8"), UpwardMessages: [][]byte{[]byte("a message")}}
	data     = candidate.PersistedValidationData{
		ParentHead: []byte("head 7"), RelayParentNumber: 9, RelayParentStorageRoot: primitives.Hash{3},
		MaxPoVSize: 1000,
	}
)

// story is a candidate whose parts a test may exchange before it is signed, and afterwards.
type story struct {
	descriptor candidate.Descriptor
	outputs    candidate.Commitments
	data       candidate.PersistedValidationData
	pov, code  *primitivesv1.BlobRef
}

func (n *node) story(change ...func(*story)) *candidatevalidationv1.Validate {
	n.t.Helper()
	s := &story{outputs: outputs, data: data, pov: n.put(pov), code: n.put(code)}
	h, err := data.Hash()
	if err != nil {
		n.t.Fatal(err)
	}
	s.descriptor.Collation = signbytes.Collation{
		ParaID: 2000, RelayParent: primitives.Hash{1}, Collator: [32]byte(collator.Public().(ed25519.PublicKey)),
		PersistedValidationDataHash: h, PoVHash: candidate.PoVHash(pov), ErasureRoot: primitives.Hash{2},
		ValidationCodeHash: primitives.HashOf(code), ParaHead: primitives.HashOf(outputs.HeadData),
	}
	for _, f := range change {
		f(s)
	}
	if s.descriptor.Signature == [64]byte{} {
		s.sign()
	}
	receipt, err := candidate.CommittedReceipt{Descriptor: s.descriptor, Commitments: s.outputs}.Receipt()
	if err != nil {
		n.t.Fatal(err)
	}
	return &candidatevalidationv1.Validate{
		ValidationCode: s.code, Receipt: parachain.ReceiptMessage(receipt),
		Pov: &primitivesv1.PoV{BlockData: s.pov}, ValidationData: parachain.ValidationDataMessage(s.data),
	}
}

func (s *story) sign() {
	b, err := s.descriptor.Collation.Encode()
	if err != nil {
		panic(err)
	}
	s.descriptor.Signature = [64]byte(ed25519.Sign(collator, b))
}

func encoded(c candidate.Commitments) []byte {
	b, err := c.Encode()
	if err != nil {
		panic(err)
	}
	return b
}

// returns is the end of a job that returns what the receipt promises.
var returns = Outcome{End: Returned, Outputs: encoded(outputs), CPU: 3 * time.Millisecond}

func (n *node) ask(q *candidatevalidationv1.Validate) *overseertest.Answer {
	n.t.Helper()
	return n.Ask("candidate-backing", q)
}

func (n *node) reply(a *overseertest.Answer) *candidatevalidationv1.ValidateResponse {
	n.t.Helper()
	return overseertest.Must[*candidatevalidationv1.ValidateResponse](n.t, a)
}

// invalid is the reason for which a candidate is; unspecified: it isn't.
func (n *node) invalid(a *overseertest.Answer) candidatevalidationv1.Invalid_Reason {
	n.t.Helper()
	return n.reply(a).GetInvalid().GetReason()
}

// fault is why the node can't tell; unspecified: it can.
func (n *node) fault(a *overseertest.Answer) candidatevalidationv1.Fault_Reason {
	n.t.Helper()
	return n.reply(a).GetFault().GetReason()
}
