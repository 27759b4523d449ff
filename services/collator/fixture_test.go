package collator

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

const para = 7

var parent, child, grandchild = primitives.Hash{'p'}, primitives.Hash{'c'}, primitives.Hash{'g'}

// data is what blocks are built against.
var data = candidate.PersistedValidationData{ParentHead: []byte("head"), RelayParentNumber: 9, MaxPoVSize: 3 << 20}

// world is everybody but the collator. It answers at once what is asked about the chain and what is to be signed, and
// holds streams, so that a story answers them.
//
// The relay chain has four validators in two groups, 0 and 1, 2 and 3, and two cores; the para is on the first.
type world struct {
	*overseertest.Overseer
	t       *testing.T
	core    *primitivesv1.CoreState
	own     byte // the key that this node's keystore has; those of validators are 0 to 3
	code    *primitivesv1.BlobRef
	events  map[primitives.Hash][]*runtimeapiv1.CandidateEvent
	answers map[string]func(overseertest.Sent)

	did     []string // what it said to others, in order
	streams map[string]overseertest.Sent
	asked   []overseertest.Sent // that somebody of answers holds
}

// bare has no leaf.
func bare(t *testing.T) *world {
	w := &world{
		Overseer: overseertest.Start(t, Spec(Config{Chain: "relay"})), t: t, own: 9, core: scheduled(para, nil),
		code:    &primitivesv1.BlobRef{Hash: make([]byte, 32), Size: 1},
		events:  map[primitives.Hash][]*runtimeapiv1.CandidateEvent{},
		answers: map[string]func(overseertest.Sent){}, streams: map[string]overseertest.Sent{},
	}
	w.On("relay")
	w.settle()
	return w
}

// start has a leaf, a block producer who was told of it, and validators 0 and 1 who have it in view.
func start(t *testing.T) *world {
	w := bare(t)
	w.collate(para)
	w.leaf(parent, primitives.Hash{}, 9)
	w.connect(0, parent)
	w.connect(1, parent)
	w.did = nil
	return w
}

func scheduled(p uint32, collator []byte) *primitivesv1.CoreState {
	return &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Scheduled{
		Scheduled: &primitivesv1.ScheduledCore{Para: p, Collator: collator}}}
}

// hold keeps requests of a kind until a story answers them.
func (w *world) hold(kind string) {
	w.answers[kind] = func(s overseertest.Sent) { w.asked = append(w.asked, s) }
}

func (w *world) leaf(hash, before primitives.Hash, number uint64) {
	w.StartWork(hash[:], before[:], number)
	w.settle()
}

func (w *world) stop(hash primitives.Hash) {
	w.StopWork(hash[:])
	w.settle()
}

// settle answers until nothing more is asked.
func (w *world) settle() {
	w.t.Helper()
	for all := w.Sent(); len(all) > 0; all = w.Sent() {
		for _, s := range all {
			w.take(s)
		}
	}
}

func (w *world) take(s overseertest.Sent) {
	if answer := w.answers[string(s.Body.ProtoReflect().Descriptor().Name())]; answer != nil {
		answer(s)
		return
	}
	switch m := s.Body.(type) {
	case *nbv1.RegisterEventProducer:
	case *nbv1.ReportPeer:
		w.note("%d: %d %s", m.GetPeer()[0]-1, m.GetCostBenefit(), m.GetReason())
	case *nbv1.SendMessage:
		w.note("%s", told(w.t, m))
	case *nbv1.SendResponse:
		w.note("%s", served(w.t, m))
	case *nbv1.ConnectToValidators:
		var list []byte
		for _, id := range m.GetValidators() {
			list = append(list, id[0]-1)
		}
		w.note("connect %v", list)
		w.streams["ConnectToValidators"] = s
	case *candidateselectionv1.Collation:
		w.note("hand over %s", nameOf(m.GetReceipt()))
		s.Reply(&candidateselectionv1.CollationResponse{Outcome: &candidateselectionv1.CollationResponse_Accepted{
			Accepted: &candidateselectionv1.CollationAccepted{}}})
	case *candidateselectionv1.CollationOutcome:
		w.streams["CollationOutcome"] = s
	case *keystorev1.SignCollation:
		s.Reply(&keystorev1.SignCollationResponse{
			Outcome: &keystorev1.SignCollationResponse_Signature{Signature: w.signature(m)}})
	case *keystorev1.PublicKeys:
		s.Reply(&keystorev1.PublicKeysResponse{Keys: []*keystorev1.PublicKey{{Purpose: "validator", Key: public(w.own)}}})
	case *runtimeapiv1.Request:
		s.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: w.state(m)}})
	default:
		w.t.Fatalf("unexpected: %v", s)
	}
}

func (w *world) note(format string, args ...any) { w.did = append(w.did, fmt.Sprintf(format, args...)) }

// told is what is said to a validator.
func told(t *testing.T, m *nbv1.SendMessage) string {
	t.Helper()
	said := &collatorv1.ToValidator{}
	if err := proto.Unmarshal(m.GetPayload(), said); err != nil || m.GetProtocol() != collatorv1.ToValidators ||
		len(m.GetPeers()) != 1 {
		t.Fatal(err, m)
	}
	to := m.GetPeers()[0][0] - 1
	if d := said.GetDeclare(); d != nil {
		return fmt.Sprintf("to %d: collates for %d", to, d.GetPara())
	}
	a := said.GetAdvertise()
	return fmt.Sprintf("to %d: %s of %d bytes", to, nameOf(a.GetReceipt()), a.GetPovSize())
}

// served is what a validator gets for its question.
func served(t *testing.T, m *nbv1.SendResponse) string {
	t.Helper()
	to := m.GetPeer()[0] - 1
	if e := m.GetError(); e != nil {
		return fmt.Sprintf("to %d: %s", to, collatorv1.PartRefusal(e.GetCode()).String()[len("PART_REFUSAL_"):])
	}
	part := &collatorv1.Part{}
	if err := proto.Unmarshal(m.GetPayload(), part); err != nil {
		t.Fatal(err)
	}
	if n := len(part.GetBytes()); n > 16 {
		return fmt.Sprintf("to %d: %d bytes", to, n)
	}
	return fmt.Sprintf("to %d: %q", to, part.GetBytes())
}

// signature is the keystore's.
func (w *world) signature(m *keystorev1.SignCollation) *keystorev1.Signature {
	c := signbytes.Collation{
		ParaID: m.GetParaId(), RelayParent: primitives.Hash(m.GetRelayParent()), Collator: [32]byte(public(w.own)),
		PersistedValidationDataHash: primitives.Hash(m.GetPersistedValidationDataHash()),
		PoVHash:                     primitives.Hash(m.GetPovHash()), ErasureRoot: primitives.Hash(m.GetErasureRoot()),
		ValidationCodeHash: primitives.Hash(m.GetValidationCodeHash()), ParaHead: primitives.Hash(m.GetParaHead()),
	}
	b, err := c.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	return &keystorev1.Signature{PublicKey: public(w.own), Signature: ed25519.Sign(key(w.own), b)}
}

func (w *world) state(m *runtimeapiv1.Request) *runtimeapiv1.RuntimeApiAnswer {
	a := &runtimeapiv1.RuntimeApiAnswer{}
	switch m.GetRequest().GetKind().(type) {
	case *runtimeapiv1.RuntimeApiRequest_Validators:
		list := &runtimeapiv1.ValidatorsAnswer{}
		for v := range byte(4) {
			list.Validators = append(list.Validators, &primitivesv1.Validator{PublicKey: public(v), NodeId: id(v)})
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: list}
	case *runtimeapiv1.RuntimeApiRequest_ValidatorGroups:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_ValidatorGroups{ValidatorGroups: &runtimeapiv1.ValidatorGroupsAnswer{
			Groups:   []*primitivesv1.ValidatorGroup{{Validators: []uint32{0, 1}}, {Validators: []uint32{2, 3}}},
			Rotation: &primitivesv1.GroupRotationInfo{GroupRotationFrequency: 20}}}
	case *runtimeapiv1.RuntimeApiRequest_AvailabilityCores:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_AvailabilityCores{AvailabilityCores: &runtimeapiv1.AvailabilityCoresAnswer{
			Cores: []*primitivesv1.CoreState{w.core, {Kind: &primitivesv1.CoreState_Free{}}}}}
	case *runtimeapiv1.RuntimeApiRequest_PersistedValidationData:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_PersistedValidationData{
			PersistedValidationData: &runtimeapiv1.PersistedValidationDataAnswer{Data: parachain.ValidationDataMessage(data)}}
	case *runtimeapiv1.RuntimeApiRequest_ValidationCode:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_ValidationCode{
			ValidationCode: &runtimeapiv1.ValidationCodeAnswer{Code: w.code}}
	case *runtimeapiv1.RuntimeApiRequest_CandidateEvents:
		at, _ := primitives.HashFrom(m.GetRelayParent())
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_CandidateEvents{
			CandidateEvents: &runtimeapiv1.CandidateEventsAnswer{Events: w.events[at]}}
	case *runtimeapiv1.RuntimeApiRequest_Ancestors:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Ancestors{Ancestors: &runtimeapiv1.AncestorsAnswer{}}
	}
	return a
}

func key(seed byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(append(make([]byte, 31), seed)) }

func public(seed byte) ed25519.PublicKey { return key(seed).Public().(ed25519.PublicKey) }

// id is the node of a validator by its index.
func id(validator byte) []byte { return append([]byte{validator + 1}, make([]byte, 31)...) }

func nameOf(m *primitivesv1.CandidateReceipt) string {
	r, err := parachain.Receipt(m)
	if err != nil {
		return err.Error()
	}
	return r.Hash().Short()
}

// collate is a block producer that wants to be told when to build.
func (w *world) collate(p uint32) *overseertest.Answer {
	a := w.Ask("block-producer", &collatorv1.CollateOn{Para: p})
	w.settle()
	return a
}

// opportunities are the leaves that a producer was told of.
func opportunities(a *overseertest.Answer) (leaves []string) {
	for _, i := range a.Items {
		leaves = append(leaves, string(i.(*collatorv1.CollateOnResponse).GetOpportunity().GetRelayParent()[:1]))
	}
	return leaves
}

// refusal is the last word to a producer that isn't told anything.
func refusal(t *testing.T, a *overseertest.Answer) collatorv1.CollateOnResponse_Refusal {
	t.Helper()
	if !a.Done || len(a.Items) != 1 {
		t.Fatalf("it isn't the end: %v", a.Items)
	}
	return a.Items[0].(*collatorv1.CollateOnResponse).GetRefusal()
}

// submission is a block of the para on a leaf, with that proof of validity.
func (w *world) submission(at primitives.Hash, pov string) *collatorv1.SubmitCollation {
	w.t.Helper()
	ref, err := w.Blobs.Put("block-producer", []byte(pov), time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	return &collatorv1.SubmitCollation{RelayParent: at[:], Para: para, Pov: &primitivesv1.PoV{BlockData: ref},
		Commitments: &primitivesv1.CandidateCommitments{HeadData: []byte("next")}}
}

func (w *world) hands(s *collatorv1.SubmitCollation) *overseertest.Answer {
	a := w.Ask("block-producer", s)
	w.settle()
	return a
}

// submit hands in a block on the leaf parent, and returns the receipt of what was made of it.
func (w *world) submit(pov string) *primitivesv1.CandidateReceipt {
	w.t.Helper()
	r := overseertest.Must[*collatorv1.SubmitCollationResponse](w.t, w.hands(w.submission(parent, pov)))
	if r.GetSubmitted() == nil {
		w.t.Fatalf("it isn't taken: %v", r)
	}
	return r.GetSubmitted().GetReceipt()
}

// refused is why a submission isn't taken.
func (w *world) refused(a *overseertest.Answer) primitivesv1.CollationRefusal {
	w.t.Helper()
	return overseertest.Must[*collatorv1.SubmitCollationResponse](w.t, a).GetRefused().GetReason()
}

func (w *world) watch(p uint32) *overseertest.Answer {
	return w.Ask("tools", &collatorv1.WatchCollations{Para: p})
}

// steps are what a watcher was told.
func steps(a *overseertest.Answer) (list []string) {
	for _, i := range a.Items {
		list = append(list, text(i.(*collatorv1.WatchCollationsResponse).GetStatus()))
	}
	return list
}

func text(s *primitivesv1.CollationStatus) string {
	switch k := s.GetKind().(type) {
	case *primitivesv1.CollationStatus_Refused:
		return k.Refused.GetReason().String()[len("COLLATION_REFUSAL_"):]
	case *primitivesv1.CollationStatus_Seconded:
		return fmt.Sprint("seconded by ", k.Seconded.GetValidator())
	case *primitivesv1.CollationStatus_Backed:
		return fmt.Sprint("backed with ", k.Backed.GetVotes())
	}
	return fmt.Sprint("included in ", s.GetIncluded().GetNumber())
}

func (w *world) event(e *nbv1.NetworkBridgeEvent) {
	w.Send("network-bridge", &collatorv1.NetworkBridgeUpdate{Event: e})
	w.settle()
}

// connect is a validator that comes, with what it has in view.
func (w *world) connect(validator byte, heads ...primitives.Hash) {
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerConnected{
		PeerConnected: &nbv1.PeerConnected{Peer: id(validator)}}})
	w.view(validator, heads...)
}

func (w *world) disconnect(validator byte) {
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerDisconnected{
		PeerDisconnected: &nbv1.PeerDisconnected{Peer: id(validator)}}})
}

func (w *world) view(validator byte, heads ...primitives.Hash) {
	v := &nbv1.View{}
	for _, h := range heads {
		v.Heads = append(v.Heads, h[:])
	}
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerViewChange{
		PeerViewChange: &nbv1.PeerViewChange{Peer: id(validator), View: v}}})
}

func (w *world) says(validator byte, payload []byte) {
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerMessage{
		PeerMessage: &nbv1.PeerMessage{Peer: id(validator), Payload: payload}}})
}

func (w *world) tells(validator byte, m *collatorv1.ToCollator) {
	b, err := proto.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	w.says(validator, b)
}

// outcome is a validator's word of what has become of a collation.
func (w *world) outcome(validator byte, of *primitivesv1.CandidateReceipt, s *primitivesv1.CollationStatus) {
	h := hashOf(of)
	w.tells(validator, &collatorv1.ToCollator{Kind: &collatorv1.ToCollator_Outcome{
		Outcome: &collatorv1.Outcome{RelayParent: parent[:], Candidate: h[:], Status: s}}})
}

func hashOf(m *primitivesv1.CandidateReceipt) primitives.Hash {
	r, err := parachain.Receipt(m)
	if err != nil {
		panic(err)
	}
	return r.Hash()
}

func secondedBy(v uint32) *primitivesv1.CollationStatus {
	return &primitivesv1.CollationStatus{Kind: &primitivesv1.CollationStatus_Seconded{
		Seconded: &primitivesv1.CollationSeconded{Validator: v}}}
}

func backedWith(votes uint32) *primitivesv1.CollationStatus {
	return &primitivesv1.CollationStatus{Kind: &primitivesv1.CollationStatus_Backed{
		Backed: &primitivesv1.CollationBacked{Votes: votes}}}
}

// asks is a validator's question for a part of a proof.
func (w *world) asks(validator byte, of *primitivesv1.CandidateReceipt, offset uint64, length uint32) {
	h := hashOf(of)
	w.question(validator, &collatorv1.PartRequest{Candidate: h[:], Offset: offset, Length: length})
}

func (w *world) question(validator byte, q *collatorv1.PartRequest) {
	b, err := proto.Marshal(q)
	if err != nil {
		w.t.Fatal(err)
	}
	w.request(validator, b)
}

func (w *world) request(validator byte, payload []byte) {
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerRequest{
		PeerRequest: &nbv1.PeerRequest{Peer: id(validator), RequestId: 1, Payload: payload}}})
}

// does adds to what a block of the relay chain has done to candidates.
func (w *world) does(at primitives.Hash, kind runtimeapiv1.CandidateEvent_Kind, r *primitivesv1.CandidateReceipt) {
	w.events[at] = append(w.events[at], &runtimeapiv1.CandidateEvent{Kind: kind, Receipt: r})
}

// later lets time pass.
func (w *world) later(d time.Duration) {
	w.Advance(d)
	w.settle()
}

// expect compares what was done since the last time.
func (w *world) expect(want ...string) {
	w.t.Helper()
	got := w.did
	w.did = nil
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("(-want +got)\n%s", diff)
	}
}

// expectSteps compares what a watcher was told since the beginning.
func (w *world) expectSteps(a *overseertest.Answer, want ...string) {
	w.t.Helper()
	if got := steps(a); !slices.Equal(got, want) {
		w.t.Errorf("it was told %q, not %q", got, want)
	}
}
