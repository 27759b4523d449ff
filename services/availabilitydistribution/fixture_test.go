package availabilitydistribution

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	distributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	storev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

var leafA, leafB = primitives.HashOf([]byte("leaf a")), primitives.HashOf([]byte("leaf b"))

var validation = candidate.PersistedValidationData{
	ParentHead: []byte("head"), RelayParentNumber: 1, MaxPoVSize: 1 << 24,
}

// node is the node of a validator.
func node(v int) []byte { return append([]byte{byte(v) + 1}, make([]byte, 31)...) }

// para is a candidate with all that belongs to it.
type para struct {
	receipt candidate.Receipt
	id      primitives.Hash
	pov     []byte
	coded   erasure.Coded
}

// paraOf makes a candidate with a proof of validity of so many bytes, for a session of n validators.
func paraOf(t testing.TB, seed byte, size, n int) *para {
	t.Helper()
	p := &para{pov: make([]byte, size)}
	rand.NewChaCha8([32]byte{seed}).Read(p.pov)
	data, err := candidate.AvailableData{PoV: p.pov, ValidationData: validation}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	p.encode(t, data, n)
	return p
}

// encode makes it a candidate that commits to some data, whatever that is.
func (p *para) encode(t testing.TB, data []byte, n int) {
	coder, err := erasure.New(erasure.CodecFor(n), n)
	if err != nil {
		t.Fatal(err)
	}
	if err := coder.Encode(data, &p.coded); err != nil {
		t.Fatal(err)
	}
	p.commit(p.coded.Root())
}

func (p *para) commit(root primitives.Hash) {
	p.receipt.Descriptor.Collation = signbytes.Collation{
		RelayParent: leafA, PoVHash: candidate.PoVHash(p.pov), ErasureRoot: root}
	p.id = p.receipt.Hash()
}

func (p *para) chunk(i int) *primitivesv1.ErasureChunk {
	c := p.coded.Chunk(i)
	m := header(c)
	m.Content = &primitivesv1.ErasureChunk_Chunk{Chunk: c.Bytes}
	return m
}

// part is a part of a chunk, as an honest peer sends it.
func (p *para) part(i, offset int) *distributionv1.Part {
	return partOf(p.coded.Chunk(i), uint64(offset), distributionv1.MaxPart)
}

// peer is what another node answers; nil: nothing, for the second that it has.
type peer func(q *distributionv1.PartRequest) *distributionv1.Part

// world plays all that availability-distribution asks: runtime-api, keystore, availability-store and other nodes.
type world struct {
	*overseertest.Overseer
	t       *testing.T
	n, own  int
	backers []uint32
	cores   []*para
	all     map[primitives.Hash]*para
	peers   map[int]peer

	stored  map[primitives.Hash]map[int]bool // chunks in the store
	data    map[primitives.Hash]bool         // all of it is there
	unknown bool                             // the store hasn't heard of the candidates
	broken  bool                             // the store is away
	reads   int                              // of chunks
	blind   bool                             // runtime-api knows no block
	pruned  primitives.Hash                  // nor the state after this one, but the session of it
	session uint32                           // which is this
	others  bool                             // another instance takes the candidates up

	silent []overseertest.Sent // questions to peers that don't answer
	story  []string
}

// start begins in a session of n validators, of which this node is one and some back all candidates.
func start(t *testing.T, n, own int, backers ...uint32) *world {
	w := &world{
		Overseer: overseertest.Start(t, Spec(Config{Chain: "relay"})), t: t, n: n, own: own, backers: backers,
		all: map[primitives.Hash]*para{}, peers: map[int]peer{}, stored: map[primitives.Hash]map[int]bool{},
		data: map[primitives.Hash]bool{},
	}
	w.On("relay")
	overseertest.Expect[*nbv1.RegisterEventProducer](w.Overseer)
	return w
}

// honest makes a validator have all chunks of all candidates, as a backer has.
func (w *world) honest(v int) {
	w.peers[v] = func(q *distributionv1.PartRequest) *distributionv1.Part {
		if p := w.all[primitives.Hash(q.GetCandidate())]; p != nil {
			return p.part(int(q.GetIndex()), int(q.GetOffset()))
		}
		return &distributionv1.Part{}
	}
}

// holder makes a validator have its own chunk of all candidates.
func (w *world) holder(v int) {
	w.peers[v] = func(q *distributionv1.PartRequest) *distributionv1.Part {
		if p := w.all[primitives.Hash(q.GetCandidate())]; p != nil && int(q.GetIndex()) == v {
			return p.part(v, int(q.GetOffset()))
		}
		return &distributionv1.Part{}
	}
}

func (w *world) para(seed byte, size int) *para {
	p := paraOf(w.t, seed, size, w.n)
	w.all[p.id] = p
	return p
}

// leaf begins with a leaf on whose cores candidates lie.
func (w *world) leaf(h primitives.Hash, number uint64, cores ...*para) {
	w.cores = cores
	w.StartWork(h[:], nil, number)
	w.serve()
}

func (w *world) stop(h primitives.Hash) {
	w.StopWork(h[:])
	w.serve()
}

// pass lets time pass in steps, with everybody's answers.
func (w *world) pass(d time.Duration) {
	const step = 10 * time.Millisecond
	for ; d > 0; d -= step {
		w.Advance(min(step, d))
		w.serve()
	}
}

func (w *world) tell(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

func (w *world) serve() {
	w.t.Helper()
	for list := w.Sent(); len(list) > 0; list = w.Sent() {
		for _, s := range list {
			w.answer(s)
		}
	}
}

func (w *world) answer(s overseertest.Sent) {
	w.t.Helper()
	switch q := s.Body.(type) {
	case *runtimeapiv1.Request:
		s.Reply(w.state(q))
	case *keystorev1.PublicKeys:
		s.Reply(&keystorev1.PublicKeysResponse{Keys: []*keystorev1.PublicKey{
			{Purpose: "validator", Key: fmt.Append(nil, "key ", w.own)}}})
	case *nbv1.SendRequest:
		w.question(s, q)
	case *nbv1.ReportPeer:
		w.tell("report %d: %d %s", int(q.GetPeer()[0])-1, q.GetCostBenefit(), q.GetReason())
	case *nbv1.SendResponse:
		w.response(q)
	case *nbv1.SendBulk:
		var p distributionv1.Pushed
		w.unmarshal(q.GetPayload(), &p)
		w.tell("push chunk %d to %d", p.GetIndex(), int(q.GetPeers()[0][0])-1)
	case *distributionv1.TakeUp:
		if !w.others {
			w.Send(Name, q)
		}
	default:
		if w.broken {
			s.Fail(4, "the store is away")
			return
		}
		w.store(s)
	}
}

func (w *world) store(s overseertest.Sent) {
	w.t.Helper()
	switch q := s.Body.(type) {
	case *storev1.QueryChunkAvailability:
		s.Reply(&storev1.QueryChunkAvailabilityResponse{
			Available: w.stored[primitives.Hash(q.GetCandidate())][int(q.GetValidator())]})
	case *storev1.StoreChunk:
		w.storeChunk(s, q)
	case *storev1.QueryChunk:
		r := &storev1.QueryChunkResponse{}
		if id, _ := primitives.HashFrom(q.GetCandidate()); w.stored[id][int(q.GetValidator())] {
			w.reads++
			r.Chunk = w.kept(id, int(q.GetValidator()))
		}
		s.Reply(r)
	case *storev1.QueryAvailableData:
		r := &storev1.QueryAvailableDataResponse{}
		if w.data[primitives.Hash(q.GetCandidate())] {
			r.Data = &primitivesv1.AvailableData{ValidationData: parachain.ValidationDataMessage(validation)}
		}
		s.Reply(r)
	case *storev1.QueryAllChunks:
		id := primitives.Hash(q.GetCandidate())
		for v := range w.n {
			if w.stored[id][v] {
				s.Item(&storev1.QueryAllChunksResponse{Chunk: w.kept(id, v)})
			}
		}
		s.End()
	default:
		w.t.Errorf("it sent %v", s)
	}
}

// kept is a chunk as the store gives it: a long one by reference.
func (w *world) kept(id primitives.Hash, v int) *primitivesv1.ErasureChunk {
	w.t.Helper()
	m := w.all[id].chunk(v)
	if b := m.GetChunk(); len(b) > 64<<10 {
		ref, err := w.Blobs.Put("availability-store", b, time.Minute)
		if err != nil {
			w.t.Fatal(err)
		}
		m.Content = &primitivesv1.ErasureChunk_Blob{Blob: ref}
	}
	return m
}

func (w *world) storeChunk(s overseertest.Sent, q *storev1.StoreChunk) {
	w.t.Helper()
	id := primitives.Hash(q.GetCandidate())
	if w.unknown {
		s.Reply(&storev1.StoreChunkResponse{Outcome: storev1.StoreChunkResponse_OUTCOME_UNKNOWN_CANDIDATE})
		return
	}
	if want := w.all[id].chunk(int(q.GetValidator())); string(w.bytes(q.GetChunk())) != string(want.GetChunk()) ||
		!cmp.Equal(q.GetChunk().GetProof(), want.GetProof()) || q.GetValidator() != q.GetChunk().GetIndex() {
		w.t.Errorf("it stores another chunk as %d", q.GetValidator())
	}
	w.holds(w.all[id], int(q.GetValidator()))
	w.tell("store chunk %d", q.GetValidator())
	s.Reply(&storev1.StoreChunkResponse{Outcome: storev1.StoreChunkResponse_OUTCOME_STORED})
}

// holds puts a chunk into the store.
func (w *world) holds(p *para, v int) {
	if w.stored[p.id] == nil {
		w.stored[p.id] = map[int]bool{}
	}
	w.stored[p.id][v] = true
}

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

// question asks another node.
func (w *world) question(s overseertest.Sent, m *nbv1.SendRequest) {
	w.t.Helper()
	v := int(m.GetPeer()[0]) - 1
	var q distributionv1.PartRequest
	w.unmarshal(m.GetPayload(), &q)
	if q.Validate() != nil || m.GetProtocol() != Protocol || m.GetDeadlineMs() != 1000 || v == w.own {
		w.t.Errorf("it asks %d: %v", v, m)
	}
	if q.GetOffset() == 0 {
		w.tell("ask %d for chunk %d", v, q.GetIndex())
	}
	answer, known := w.peers[v]
	if !known {
		fails(s, nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_DISCONNECTED)
		return
	}
	part := answer(&q)
	if part == nil {
		w.silent = append(w.silent, s)
		return
	}
	s.Reply(&nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Payload{Payload: marshal(part)}})
}

// late lets those who said nothing run out of time.
func (w *world) late() {
	silent := w.silent
	w.silent = nil
	for _, s := range silent {
		fails(s, nbv1.RequestFailureCode_REQUEST_FAILURE_CODE_TIMED_OUT)
	}
	w.serve()
}

func fails(s overseertest.Sent, code nbv1.RequestFailureCode) {
	s.Reply(&nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Failure{
		Failure: &nbv1.RequestFailure{Code: code}}})
}

func (w *world) response(m *nbv1.SendResponse) {
	w.t.Helper()
	to := int(m.GetPeer()[0]) - 1
	if e := m.GetError(); e != nil {
		w.tell("refuse %d: %d", to, e.GetCode())
		return
	}
	var p distributionv1.Part
	w.unmarshal(m.GetPayload(), &p)
	w.tell("to %d: %d of %d bytes, %d hashes", to, len(p.GetBytes()), p.GetSize(), len(p.GetProof()))
}

func (w *world) state(q *runtimeapiv1.Request) *runtimeapiv1.RequestResponse {
	a := &runtimeapiv1.RuntimeApiAnswer{}
	switch q.GetRequest().GetKind().(type) {
	case *runtimeapiv1.RuntimeApiRequest_Validators:
		v, of := &runtimeapiv1.ValidatorsAnswer{}, q.GetRequest().GetValidators()
		for i := range w.n {
			if of.Session != nil && of.GetSession() != w.session {
				break
			}
			v.Validators = append(v.Validators,
				&primitivesv1.Validator{PublicKey: fmt.Append(nil, "key ", i), NodeId: node(i)})
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: v}
	case *runtimeapiv1.RuntimeApiRequest_ValidatorGroups:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_ValidatorGroups{ValidatorGroups: &runtimeapiv1.ValidatorGroupsAnswer{
			Groups: []*primitivesv1.ValidatorGroup{{Validators: w.backers}}}}
	case *runtimeapiv1.RuntimeApiRequest_AvailabilityCores:
		c := &runtimeapiv1.AvailabilityCoresAnswer{Cores: []*primitivesv1.CoreState{{}}} // one is free
		for _, p := range w.cores {
			c.Cores = append(c.Cores, &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Occupied{
				Occupied: &primitivesv1.OccupiedCore{
					Candidate: p.id[:], Descriptor_: parachain.DescriptorMessage(p.receipt.Descriptor)}}})
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_AvailabilityCores{AvailabilityCores: c}
	}
	if !w.pruned.IsZero() && primitives.Hash(q.GetRelayParent()) == w.pruned {
		return &runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Error{
			Error: &runtimeapiv1.RuntimeApiError{Code: runtimeapiv1.RuntimeApiError_CODE_PRUNED_STATE}}}
	}
	if w.blind {
		return &runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Error{
			Error: &runtimeapiv1.RuntimeApiError{Code: runtimeapiv1.RuntimeApiError_CODE_UNKNOWN_BLOCK}}}
	}
	return &runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: a}}
}

// event is what the network bridge tells.
func (w *world) event(e *nbv1.NetworkBridgeEvent) {
	w.Send("network-bridge", &distributionv1.NetworkBridgeUpdate{Event: e})
	w.serve()
}

func (w *world) push(from int, p *distributionv1.Pushed) { w.message(from, marshal(p)) }

func (w *world) message(from int, payload []byte) {
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerMessage{
		PeerMessage: &nbv1.PeerMessage{Peer: node(from), Payload: payload}}})
}

func pushedOf(p *para, i int) *distributionv1.Pushed {
	c := p.chunk(i)
	return &distributionv1.Pushed{Candidate: p.id[:], Index: uint32(i), Chunk: c.GetChunk(), Proof: c.GetProof()}
}

// asks lets another node ask for a part.
func (w *world) asks(from int, p *para, i, offset, length int) {
	w.request(from, marshal(&distributionv1.PartRequest{
		Candidate: p.id[:], Index: uint32(i), Offset: uint64(offset), Length: uint32(length)}))
}

func (w *world) request(from int, payload []byte) {
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerRequest{
		PeerRequest: &nbv1.PeerRequest{Peer: node(from), RequestId: 9, Payload: payload, DeadlineMs: 1000}}})
}

func (w *world) recover(p *para) *overseertest.Answer {
	a := w.Ask("dispute", &distributionv1.RecoverAvailableData{
		Candidate: p.id[:], Receipt: parachain.ReceiptMessage(p.receipt)})
	w.serve()
	return a
}

// told checks what has happened since the last call.
func (w *world) told(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.story); diff != "" {
		w.t.Errorf("(-want +got)\n%s", diff)
	}
	w.story = nil
}

func marshal(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

func (w *world) unmarshal(b []byte, m proto.Message) {
	w.t.Helper()
	if err := proto.Unmarshal(b, m); err != nil {
		w.t.Fatal(err)
	}
}
