package availabilitystore_test

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/reevenet/reeve/internal/core/availability"
	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	"github.com/reevenet/reeve/services/availabilitystore"
	"github.com/reevenet/reeve/services/availabilitystore/pebbledisk"
)

const (
	backed   = runtimeapiv1.CandidateEvent_KIND_BACKED
	included = runtimeapiv1.CandidateEvent_KIND_INCLUDED
	timedOut = runtimeapiv1.CandidateEvent_KIND_TIMED_OUT
)

var validation = candidate.PersistedValidationData{
	ParentHead: []byte("head"), RelayParentNumber: 1, MaxPoVSize: 1 << 20,
}

// para is a candidate with all that belongs to it.
type para struct {
	receipt candidate.Receipt
	id      primitives.Hash
	pov     []byte
	coded   erasure.Coded
	n       int
}

// paraOf makes a candidate with a proof of validity of so many bytes, in a session of n validators.
func paraOf(t *testing.T, seed byte, size, n int) *para {
	t.Helper()
	p := &para{pov: make([]byte, size), n: n}
	rand.NewChaCha8([32]byte{seed}).Read(p.pov)
	data, err := candidate.AvailableData{PoV: p.pov, ValidationData: validation}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	coder, err := erasure.New(erasure.CodecFor(n), n)
	if err != nil {
		t.Fatal(err)
	}
	if err := coder.Encode(data, &p.coded); err != nil {
		t.Fatal(err)
	}
	p.receipt.Descriptor.Collation = signbytes.Collation{
		ParaID: uint32(seed), RelayParent: block(0), PoVHash: candidate.PoVHash(p.pov), ErasureRoot: p.coded.Root(),
	}
	p.id = p.receipt.Hash()
	return p
}

func (p *para) chunk(i uint32) *primitivesv1.ErasureChunk {
	c := p.coded.Chunk(int(i))
	m := &primitivesv1.ErasureChunk{Index: i, Content: &primitivesv1.ErasureChunk_Chunk{Chunk: c.Bytes}}
	for _, h := range c.Proof {
		m.Proof = append(m.Proof, h[:])
	}
	return m
}

// block is the id of a block of the relay chain's, and fork that of another one of the same height.
func block(number byte) primitives.Hash { return primitives.HashOf([]byte{'b', number}) }
func fork(number byte) primitives.Hash  { return primitives.HashOf([]byte{'f', number}) }

type link struct {
	parent primitives.Hash
	number uint64
}

// world is the availability store with a chain and a disk of the test's.
type world struct {
	*overseertest.Overseer
	t       *testing.T
	disk    *disk
	n       int // validators
	links   map[primitives.Hash]link
	events  map[primitives.Hash][]*runtimeapiv1.CandidateEvent
	ill     map[primitives.Hash]runtimeapiv1.RuntimeApiError_Code
	looked  []primitives.Hash // blocks of which the events were asked for
	counted int               // questions for ancestors
}

// disk is a real one on files in memory, that can be made to fail.
type disk struct {
	fs     vfs.FS
	room   uint64
	fail   error
	before func() // each write
	opened int
	data   map[primitives.Hash]error
}

type ill struct {
	availabilitystore.Disk
	*disk
}

func (d *disk) open() (availabilitystore.Disk, error) {
	p, err := pebbledisk.Open(d.fs, "/availability", slog.New(slog.DiscardHandler))
	d.opened++
	return ill{p, d}, err
}

func (i ill) Room() (uint64, error) { return i.room, nil }

func (i ill) Write(works []availabilitystore.Work) error {
	if i.before != nil {
		i.before()
	}
	if i.fail != nil {
		return i.fail
	}
	return i.Disk.Write(works)
}

func (i ill) Data(id primitives.Hash) ([]byte, error) {
	if err := i.data[id]; err != nil {
		return nil, err
	}
	return i.Disk.Data(id)
}

var errIll = errors.New("the disk is ill")

func start(t *testing.T, n int) *world { return startWith(t, n, availabilitystore.Config{}) }

func startWith(t *testing.T, n int, cfg availabilitystore.Config) *world {
	return startOn(t, n, cfg, &disk{fs: vfs.NewMem(), room: 1 << 40})
}

func startOn(t *testing.T, n int, cfg availabilitystore.Config, d *disk) *world {
	t.Helper()
	cfg.Chain, cfg.Open = "relay", d.open
	w := &world{
		Overseer: overseertest.Start(t, availabilitystore.Spec(cfg)), t: t, disk: d, n: n,
		links:  map[primitives.Hash]link{block(0): {}},
		events: map[primitives.Hash][]*runtimeapiv1.CandidateEvent{},
		ill:    map[primitives.Hash]runtimeapiv1.RuntimeApiError_Code{},
	}
	w.On("relay")
	return w
}

// link adds a block to the chain, with events about candidates.
func (w *world) link(hash, parent primitives.Hash, number uint64, events ...*runtimeapiv1.CandidateEvent) {
	w.links[hash], w.events[hash] = link{parent, number}, events
}

// block adds block number to the chain above the one before, as a leaf.
func (w *world) block(number byte, events ...*runtimeapiv1.CandidateEvent) {
	w.link(block(number), block(number-1), uint64(number), events...)
	w.leaf(block(number))
}

func (w *world) leaf(hash primitives.Hash) {
	l := w.links[hash]
	w.StartWork(hash[:], l.parent[:], l.number)
	w.serve()
}

func (w *world) final(hash primitives.Hash) {
	w.Finalized(hash[:], w.links[hash].number)
	w.serve()
}

func event(kind runtimeapiv1.CandidateEvent_Kind, p *para) *runtimeapiv1.CandidateEvent {
	return &runtimeapiv1.CandidateEvent{Kind: kind, Receipt: parachain.ReceiptMessage(p.receipt)}
}

// pass lets time pass in steps, with runtime-api's answers.
func (w *world) pass(d time.Duration) {
	step := max(d/100, time.Millisecond)
	for ; d > 0; d -= step {
		w.Advance(min(step, d))
		w.serve()
	}
}

// serve answers as runtime-api.
func (w *world) serve() {
	w.t.Helper()
	for list := w.Sent(); len(list) > 0; list = w.Sent() {
		for _, s := range list {
			q, ok := s.Body.(*runtimeapiv1.Request)
			if !ok {
				w.t.Fatalf("it sent %v", s)
			}
			s.Reply(w.answer(q))
		}
	}
}

func (w *world) answer(q *runtimeapiv1.Request) *runtimeapiv1.RequestResponse {
	at := primitives.Hash(q.GetRelayParent())
	if code, ill := w.ill[at]; ill {
		return &runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Error{
			Error: &runtimeapiv1.RuntimeApiError{Code: code}}}
	}
	a := &runtimeapiv1.RuntimeApiAnswer{}
	switch k := q.GetRequest().GetKind().(type) {
	case *runtimeapiv1.RuntimeApiRequest_CandidateEvents:
		w.looked = append(w.looked, at)
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_CandidateEvents{
			CandidateEvents: &runtimeapiv1.CandidateEventsAnswer{Events: w.events[at]}}
	case *runtimeapiv1.RuntimeApiRequest_Ancestors:
		w.counted++
		list := &runtimeapiv1.AncestorsAnswer{}
		most := int(min(k.Ancestors.GetCount(), 4096))
		for l := w.links[at]; l.number > 0 && len(list.Hashes) < most; l = w.links[l.parent] {
			list.Hashes = append(list.Hashes, l.parent[:])
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Ancestors{Ancestors: list}
	case *runtimeapiv1.RuntimeApiRequest_Validators:
		v := &runtimeapiv1.ValidatorsAnswer{}
		for range w.n {
			v.Validators = append(v.Validators, &primitivesv1.Validator{})
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: v}
	default:
		w.t.Fatalf("it asks for %v", q)
	}
	return &runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: a}}
}

// data asks it to keep a candidate's data, with a root that is promised.
func (w *world) data(p *para, root primitives.Hash) *overseertest.Answer {
	w.t.Helper()
	ref, err := w.Blobs.Put("candidate-backing", p.pov, time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.Ask("candidate-backing", &storev1.StoreAvailableData{
		Candidate: p.id[:], Validators: uint32(p.n), ExpectedErasureRoot: root[:],
		Data: &primitivesv1.AvailableData{
			Pov: &primitivesv1.PoV{BlockData: ref}, ValidationData: parachain.ValidationDataMessage(validation),
		},
	})
}

func (w *world) storeData(p *para) storev1.StoreAvailableDataResponse_Outcome {
	w.t.Helper()
	return overseertest.Must[*storev1.StoreAvailableDataResponse](w.t, w.data(p, p.coded.Root())).GetOutcome()
}

func (w *world) storeChunk(p *para, validator uint32) storev1.StoreChunkResponse_Outcome {
	w.t.Helper()
	a := w.Ask("availability-distribution", &storev1.StoreChunk{
		Candidate: p.id[:], Validator: validator, Chunk: p.chunk(validator)})
	return overseertest.Must[*storev1.StoreChunkResponse](w.t, a).GetOutcome()
}

// hasChunk asks whether a chunk is here, and for the chunk; both must say the same.
func (w *world) hasChunk(p *para, validator uint32) bool {
	w.t.Helper()
	says := overseertest.Must[*storev1.QueryChunkAvailabilityResponse](w.t, w.Ask("bitfield-signing",
		&storev1.QueryChunkAvailability{Candidate: p.id[:], Validator: validator})).GetAvailable()
	chunk := overseertest.Must[*storev1.QueryChunkResponse](w.t, w.Ask("availability-distribution",
		&storev1.QueryChunk{Candidate: p.id[:], Validator: validator})).GetChunk()
	if says != (chunk != nil) {
		w.t.Errorf("it says %v and gives %v", says, chunk)
	}
	if chunk != nil && string(w.bytes(chunk)) != string(p.coded.Chunk(int(validator)).Bytes) {
		w.t.Errorf("chunk %d is another", validator)
	}
	return says
}

// bytes are those of a chunk, wherever they are.
func (w *world) bytes(c *primitivesv1.ErasureChunk) []byte {
	w.t.Helper()
	if c.GetBlob() == nil {
		return c.GetChunk()
	}
	b, err := w.Blobs.Get(c.GetBlob(), 0, -1)
	if err != nil {
		w.t.Fatal(err)
	}
	defer b.Close()
	return append([]byte(nil), b.Bytes()...)
}

// hasData asks whether all data is here, and for it and for the proof of validity; all must say the same.
func (w *world) hasData(p *para) bool {
	w.t.Helper()
	says := overseertest.Must[*storev1.QueryDataAvailabilityResponse](w.t, w.Ask("someone",
		&storev1.QueryDataAvailability{Candidate: p.id[:]})).GetAvailable()
	data := overseertest.Must[*storev1.QueryAvailableDataResponse](w.t, w.Ask("availability-distribution",
		&storev1.QueryAvailableData{Candidate: p.id[:]})).GetData()
	pov := overseertest.Must[*storev1.QueryPoVResponse](w.t, w.Ask("pov-distribution",
		&storev1.QueryPoV{Candidate: p.id[:]})).GetPov()
	if says != (data != nil) || says != (pov != nil) {
		w.t.Errorf("it says %v and gives %v and %v", says, data, pov)
	}
	if pov != nil {
		b, err := w.Blobs.Get(pov.GetBlockData(), 0, -1)
		if err != nil || string(b.Bytes()) != string(p.pov) {
			w.t.Errorf("it gives another proof of validity: %v", err)
		}
		b.Close()
	}
	return says
}

func limits(bytes int64, candidates int) availabilitystore.Config {
	return availabilitystore.Config{Limits: availability.Limits{Bytes: bytes, Candidates: candidates}}
}
