package povdistribution

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	pdv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

const validators = 4

// The relay parents of the stories.
var rp, other = primitives.Hash{'r'}, primitives.Hash{'o'}

// id is the node of a validator by its index.
func id(validator byte) []byte { return append([]byte{validator + 1}, make([]byte, 31)...) }

// proof is so many bytes, which are others for each seed.
func proof(seed uint64, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

func descriptor(pov []byte) *primitivesv1.CandidateDescriptor {
	h := candidate.PoVHash(pov)
	return &primitivesv1.CandidateDescriptor{PovHash: h[:]}
}

// fixture is PoV distribution, with the test as its overseer.
type fixture struct {
	*overseertest.Overseer
	t *testing.T
}

func bare(t *testing.T) *fixture {
	f := &fixture{overseertest.Start(t, Spec(Config{Chain: "relay"})), t}
	f.On("relay")
	overseertest.Expect[*nbv1.RegisterEventProducer](f.Overseer)
	return f
}

// start starts it with a relay parent that it and all validators have in view.
func start(t *testing.T) *fixture {
	f := bare(t)
	f.begin(rp)
	f.ours(rp)
	for v := range byte(validators) {
		f.connect(v, rp)
	}
	return f
}

// begin makes a relay parent a leaf and answers what is asked about it.
func (f *fixture) begin(hash primitives.Hash) {
	f.t.Helper()
	f.StartWork(hash[:], nil, 1)
	_, sent := overseertest.Expect[*runtimeapiv1.Request](f.Overseer)
	list := &runtimeapiv1.ValidatorsAnswer{}
	for v := range byte(validators) {
		list.Validators = append(list.Validators, &primitivesv1.Validator{NodeId: id(v)})
	}
	a := &runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: list}}
	sent.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: a}})
}

func (f *fixture) event(e *nbv1.NetworkBridgeEvent) {
	f.Send("network-bridge", &pdv1.NetworkBridgeUpdate{Event: e})
}

func heads(list []primitives.Hash) *nbv1.View {
	v := &nbv1.View{}
	for _, h := range list {
		v.Heads = append(v.Heads, h[:])
	}
	return v
}

func (f *fixture) ours(list ...primitives.Hash) {
	f.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_OurViewChange{
		OurViewChange: &nbv1.OurViewChange{View: heads(list)}}})
}

func (f *fixture) connect(peer byte, list ...primitives.Hash) {
	f.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerConnected{
		PeerConnected: &nbv1.PeerConnected{Peer: id(peer)}}})
	f.view(peer, list...)
}

func (f *fixture) disconnect(peer byte) {
	f.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerDisconnected{
		PeerDisconnected: &nbv1.PeerDisconnected{Peer: id(peer)}}})
}

func (f *fixture) view(peer byte, list ...primitives.Hash) {
	f.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerViewChange{
		PeerViewChange: &nbv1.PeerViewChange{Peer: id(peer), View: heads(list)}}})
}

// fetch asks for a proof that the backers have.
func (f *fixture) fetch(pov []byte, backers ...uint32) *overseertest.Answer {
	return f.Ask("candidate-backing", &pdv1.FetchPoV{
		RelayParent: rp[:], Descriptor_: descriptor(pov), Backers: backers})
}

// distribute gives it a proof of this node's own, which its owner keeps for a second.
func (f *fixture) distribute(at primitives.Hash, pov []byte) {
	f.t.Helper()
	ref, err := f.Blobs.Put("candidate-backing", pov, time.Second)
	if err != nil {
		f.t.Fatal(err)
	}
	f.Send("candidate-backing", &pdv1.DistributePoV{RelayParent: at[:], Descriptor_: descriptor(pov),
		Pov: &primitivesv1.PoV{BlockData: ref}})
}

// asked is the next question to a peer, which must be for that part.
func (f *fixture) asked(peer byte, offset int) overseertest.Sent {
	f.t.Helper()
	m, sent := overseertest.Expect[*nbv1.SendRequest](f.Overseer)
	var q pdv1.PartRequest
	if err := proto.Unmarshal(m.GetPayload(), &q); err != nil || q.Validate() != nil {
		f.t.Fatalf("%v, %v", err, q.Validate())
	}
	if !bytes.Equal(m.GetPeer(), id(peer)) || q.GetOffset() != uint64(offset) || m.GetDeadlineMs() != 1000 {
		f.t.Fatalf("it asked peer %d for the part from %d on", m.GetPeer()[0]-1, q.GetOffset())
	}
	return sent
}

// sends answers a question with a part of a proof.
func sends(s overseertest.Sent, pov []byte, offset int) {
	end := min(len(pov), offset+pdv1.MaxPart)
	answers(s, &pdv1.Part{Size: uint64(len(pov)), Bytes: pov[offset:end]})
}

func answers(s overseertest.Sent, part *pdv1.Part) {
	b, err := proto.Marshal(part)
	if err != nil {
		panic(err)
	}
	s.Reply(&nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Payload{Payload: b}})
}

func fails(s overseertest.Sent, code nbv1.RequestFailureCode) {
	s.Reply(&nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Failure{
		Failure: &nbv1.RequestFailure{Code: code}}})
}

// ask lets a peer ask for a part.
func (f *fixture) ask(peer byte, at primitives.Hash, pov []byte, offset, length int) {
	h := candidate.PoVHash(pov)
	q, err := proto.Marshal(&pdv1.PartRequest{RelayParent: at[:], PovHash: h[:], Offset: uint64(offset),
		Length: uint32(length)})
	if err != nil {
		f.t.Fatal(err)
	}
	f.request(peer, q)
}

func (f *fixture) request(peer byte, payload []byte) {
	f.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerRequest{
		PeerRequest: &nbv1.PeerRequest{Peer: id(peer), RequestId: 9, Payload: payload, DeadlineMs: 1000}}})
}

// news takes what it sent, as lines: "report 2: -500 …", "to 1: 10 of 20 bytes", "to 1: REFUSAL_ENOUGH".
func (f *fixture) news() (lines []string) {
	f.t.Helper()
	for _, s := range f.Sent() {
		switch m := s.Body.(type) {
		case *nbv1.ReportPeer:
			lines = append(lines, fmt.Sprintf("report %d: %d %s", m.GetPeer()[0]-1, m.GetCostBenefit(), m.GetReason()))
		case *nbv1.SendResponse:
			lines = append(lines, f.response(m))
		default:
			lines = append(lines, fmt.Sprintf("%T", m))
		}
	}
	return lines
}

func (f *fixture) response(m *nbv1.SendResponse) string {
	f.t.Helper()
	to := fmt.Sprintf("to %d: ", m.GetPeer()[0]-1)
	if m.GetRequestId() != 9 {
		f.t.Errorf("the answer is to another question: %d", m.GetRequestId())
	}
	if e := m.GetError(); e != nil {
		return to + pdv1.Refusal(e.GetCode()).String()
	}
	var p pdv1.Part
	if err := proto.Unmarshal(m.GetPayload(), &p); err != nil {
		f.t.Fatal(err)
	}
	return to + fmt.Sprintf("%d of %d bytes", len(p.GetBytes()), p.GetSize())
}

func (f *fixture) expect(want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(want, f.news()); diff != "" {
		f.t.Errorf("(-want +got)\n%s", diff)
	}
}

// got checks that an asker has got the proof, and that it lies in the blob store.
func (f *fixture) got(a *overseertest.Answer, pov []byte) {
	f.t.Helper()
	r := overseertest.Must[*pdv1.FetchPoVResponse](f.t, a)
	if r.GetPov() == nil {
		f.t.Fatalf("no proof: %v", r.GetMissing())
	}
	b, err := f.Blobs.Get(r.GetPov().GetBlockData(), 0, -1)
	if err != nil || !bytes.Equal(b.Bytes(), pov) {
		f.t.Fatalf("the proof isn't in the store: %v", err)
	}
	b.Close()
}

func (f *fixture) missing(a *overseertest.Answer, why pdv1.FetchPoVResponse_Missing) {
	f.t.Helper()
	if r := overseertest.Must[*pdv1.FetchPoVResponse](f.t, a); r.GetPov() != nil || r.GetMissing() != why {
		f.t.Errorf("%v, want %v", r, why)
	}
}

func hashOf(pov []byte) []byte { return descriptor(pov).GetPovHash() }

func unmarshal(t *testing.T, b []byte, m proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatal(err)
	}
}
