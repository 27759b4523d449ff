package candidateselection

import (
	"crypto/ed25519"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	candidatebackingv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	candidateselectionv1 "github.com/reevenet/reeve/proto/reeve/candidateselection/v1"
	collatorv1 "github.com/reevenet/reeve/proto/reeve/collator/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

const para = 7

var parent, child, grandchild = primitives.Hash{'p'}, primitives.Hash{'c'}, primitives.Hash{'g'}

// data is what candidates are made against.
var data = candidate.PersistedValidationData{ParentHead: []byte("head"), RelayParentNumber: 9, MaxPoVSize: 3 << 20}

// world is everybody but candidate-selection. It answers at once what is asked about the chain; requests to peers and
// streams are held, so that a story answers them.
type world struct {
	*overseertest.Overseer
	t       *testing.T
	core    *primitivesv1.CoreState
	own     byte // the key that this node's keystore has; validators 0 and 1 are the para's group
	events  map[primitives.Hash][]*runtimeapiv1.CandidateEvent
	answers map[string]func(overseertest.Sent)

	did     []string // costs, benefits, what was proposed and told, in order
	fetches []fetching
	streams map[string]overseertest.Sent
}

// fetching is a request to a collator that he hasn't answered.
type fetching struct {
	peer byte
	q    *collatorv1.PartRequest
	overseertest.Sent
}

func bare(t *testing.T) *world {
	w := &world{
		Overseer: overseertest.Start(t, Spec(Config{Chain: "relay"})), t: t,
		core: &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Scheduled{
			Scheduled: &primitivesv1.ScheduledCore{Para: para}}},
		events:  map[primitives.Hash][]*runtimeapiv1.CandidateEvent{},
		answers: map[string]func(overseertest.Sent){}, streams: map[string]overseertest.Sent{},
	}
	w.On("relay")
	w.settle()
	return w
}

// start has a leaf, and collators 1, 2 and 3 who have declared themselves.
func start(t *testing.T) *world {
	w := bare(t)
	w.leaf(parent, primitives.Hash{}, 9)
	for c := range byte(3) {
		w.connect(c + 1)
		w.declare(c+1, c+1, para)
	}
	return w
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
	case *candidateselectionv1.TakeUp:
		w.Send(Name, m)
	case *nbv1.RegisterEventProducer:
	case *nbv1.ReportPeer:
		w.did = append(w.did, fmt.Sprintf("%d: %d %s", m.GetPeer()[0], m.GetCostBenefit(), m.GetReason()))
	case *candidatebackingv1.Second:
		w.did = append(w.did, "second "+nameOf(m.GetReceipt()))
	case *nbv1.SendBulk:
		w.told(m)
	case *nbv1.SendRequest:
		q := &collatorv1.PartRequest{}
		if err := proto.Unmarshal(m.GetPayload(), q); err != nil {
			w.t.Fatal(err)
		}
		w.fetches = append(w.fetches, fetching{m.GetPeer()[0], q, s})
	case *statementdistributionv1.RegisterStatementListener, *candidatebackingv1.RegisterBackingWatcher:
		w.streams[string(m.ProtoReflect().Descriptor().Name())] = s
	case *keystorev1.PublicKeys:
		key := public(w.own)
		s.Reply(&keystorev1.PublicKeysResponse{Keys: []*keystorev1.PublicKey{{Purpose: "validator", Key: key}}})
	case *runtimeapiv1.Request:
		s.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: w.state(m)}})
	default:
		w.t.Fatalf("unexpected: %v", s)
	}
}

func (w *world) told(m *nbv1.SendBulk) {
	said := &collatorv1.ToCollator{}
	if err := proto.Unmarshal(m.GetPayload(), said); err != nil || m.GetProtocol() != collatorv1.ToCollators {
		w.t.Fatal(err, m)
	}
	for _, p := range m.GetPeers() {
		w.did = append(w.did, fmt.Sprintf("tell %d: %s", p[0], text(said.GetOutcome().GetStatus())))
	}
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

// state is the relay chain's: two groups of two validators, and two cores; the para is on the first.
func (w *world) state(m *runtimeapiv1.Request) *runtimeapiv1.RuntimeApiAnswer {
	a := &runtimeapiv1.RuntimeApiAnswer{}
	switch m.GetRequest().GetKind().(type) {
	case *runtimeapiv1.RuntimeApiRequest_Validators:
		list := &runtimeapiv1.ValidatorsAnswer{}
		for v := range byte(4) {
			list.Validators = append(list.Validators, &primitivesv1.Validator{PublicKey: public(v)})
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: list}
	case *runtimeapiv1.RuntimeApiRequest_ValidatorGroups:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_ValidatorGroups{ValidatorGroups: &runtimeapiv1.ValidatorGroupsAnswer{
			Groups:   []*primitivesv1.ValidatorGroup{{Validators: []uint32{0, 1}}, {Validators: []uint32{2, 3}}},
			Rotation: &primitivesv1.GroupRotationInfo{}}}
	case *runtimeapiv1.RuntimeApiRequest_AvailabilityCores:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_AvailabilityCores{AvailabilityCores: &runtimeapiv1.AvailabilityCoresAnswer{
			Cores: []*primitivesv1.CoreState{w.core, {Kind: &primitivesv1.CoreState_Free{}}}}}
	case *runtimeapiv1.RuntimeApiRequest_PersistedValidationData:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_PersistedValidationData{
			PersistedValidationData: &runtimeapiv1.PersistedValidationDataAnswer{Data: parachain.ValidationDataMessage(data)}}
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

// id is the node of a peer.
func id(peer byte) []byte { return append([]byte{peer}, make([]byte, 31)...) }

// made is the candidate of a collator with that proof of validity, as the story changes it before it is signed.
func made(collator byte, pov string, change ...func(*signbytes.Collation)) candidate.Receipt {
	hash, err := data.Hash()
	if err != nil {
		panic(err)
	}
	c := signbytes.Collation{
		ParaID: para, RelayParent: parent, Collator: [32]byte(public(collator)), PersistedValidationDataHash: hash,
		PoVHash: candidate.PoVHash([]byte(pov)),
	}
	for _, f := range change {
		f(&c)
	}
	b, err := c.Encode()
	if err != nil {
		panic(err)
	}
	return candidate.Receipt{Descriptor: candidate.Descriptor{
		Collation: c, Signature: [64]byte(ed25519.Sign(key(collator), b))}}
}

func nameOf(m *primitivesv1.CandidateReceipt) string {
	r, err := parachain.Receipt(m)
	if err != nil {
		return err.Error()
	}
	return r.Hash().Short()
}

func (w *world) event(e *nbv1.NetworkBridgeEvent) {
	w.Send("network-bridge", &candidateselectionv1.NetworkBridgeUpdate{Event: e})
	w.settle()
}

func (w *world) connect(peer byte) {
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerConnected{
		PeerConnected: &nbv1.PeerConnected{Peer: id(peer)}}})
}

func (w *world) says(peer byte, payload []byte) {
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerMessage{
		PeerMessage: &nbv1.PeerMessage{Peer: id(peer), Payload: payload}}})
}

func (w *world) tells(peer byte, m *collatorv1.ToValidator) {
	b, err := proto.Marshal(m)
	if err != nil {
		w.t.Fatal(err)
	}
	w.says(peer, b)
}

func (w *world) declare(peer, collator byte, p uint32) {
	w.tells(peer, &collatorv1.ToValidator{Kind: &collatorv1.ToValidator_Declare{
		Declare: &collatorv1.Declare{Collator: public(collator), Para: p}}})
}

func (w *world) advertise(peer byte, r candidate.Receipt, size int) {
	w.tells(peer, &collatorv1.ToValidator{Kind: &collatorv1.ToValidator_Advertise{
		Advertise: &collatorv1.Advertise{Receipt: parachain.ReceiptMessage(r), PovSize: uint64(size)}}})
}

// fetched is the oldest request to a collator that isn't answered.
func (w *world) fetched(peer byte) fetching {
	w.t.Helper()
	if len(w.fetches) == 0 || w.fetches[0].peer != peer {
		w.t.Fatalf("peer %d isn't asked for anything: %v", peer, w.fetches)
	}
	f := w.fetches[0]
	w.fetches = w.fetches[1:]
	return f
}

// sends answers a request with the part of a proof that it asks for.
func (w *world) sends(f fetching, pov string) {
	part := &collatorv1.Part{Bytes: []byte(pov)[f.q.GetOffset():][:f.q.GetLength()]}
	b, err := proto.Marshal(part)
	if err != nil {
		w.t.Fatal(err)
	}
	f.Reply(&nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Payload{Payload: b}})
	w.settle()
}

func (w *world) fails(f fetching, code nbv1.RequestFailureCode) {
	f.Reply(&nbv1.SendRequestResponse{Outcome: &nbv1.SendRequestResponse_Failure{
		Failure: &nbv1.RequestFailure{Code: code}}})
	w.settle()
}

// offers has a collator advertise and deliver.
func (w *world) offers(peer byte, r candidate.Receipt, pov string) {
	w.t.Helper()
	w.advertise(peer, r, len(pov))
	w.sends(w.fetched(peer), pov)
}

// submit hands a collation over beside the node.
func (w *world) submit(r candidate.Receipt, pov string) *overseertest.Answer {
	w.t.Helper()
	ref, err := w.Blobs.Put("collator", []byte(pov), lease)
	if err != nil {
		w.t.Fatal(err)
	}
	c := r.Descriptor.Collation
	a := w.Ask("collator", &candidateselectionv1.Collation{RelayParent: c.RelayParent[:], Para: c.ParaID,
		Collator: c.Collator[:], Receipt: parachain.ReceiptMessage(r), Pov: &primitivesv1.PoV{BlockData: ref}})
	w.settle()
	return a
}

func (w *world) watch(r candidate.Receipt) *overseertest.Answer {
	h := r.Hash()
	return w.Ask("collator", &candidateselectionv1.CollationOutcome{
		RelayParent: r.Descriptor.Collation.RelayParent[:], Candidate: h[:]})
}

// steps are what a watcher was told.
func steps(a *overseertest.Answer) (list []string) {
	for _, i := range a.Items {
		list = append(list, text(i.(*candidateselectionv1.CollationOutcomeResponse).GetStatus()))
	}
	return list
}

func (w *world) invalid(r candidate.Receipt) {
	w.Send("candidate-backing", &candidateselectionv1.Invalid{RelayParent: parent[:], Receipt: parachain.ReceiptMessage(r)})
	w.settle()
}

// seconds is the word of a validator that it has seconded a candidate.
func (w *world) seconds(validator uint32, r candidate.Receipt) {
	s := statements.Signed{Verdict: signbytes.Seconded, Candidate: r.Hash(), Validator: validator}
	w.streams["RegisterStatementListener"].Item(&statementdistributionv1.RegisterStatementListenerResponse{
		RelayParent: parent[:], Statement: parachain.StatementMessage(s)})
	w.settle()
}

// backs is the news that a candidate has its quorum.
func (w *world) backs(r candidate.Receipt, c candidate.Commitments) {
	b := &primitivesv1.BackedCandidate{
		Receipt: parachain.CommittedMessage(candidate.CommittedReceipt{Descriptor: r.Descriptor, Commitments: c}),
		Votes:   make([]*primitivesv1.ValidityAttestation, 2),
	}
	w.streams["RegisterBackingWatcher"].Item(&candidatebackingv1.RegisterBackingWatcherResponse{
		Item: &candidatebackingv1.RegisterBackingWatcherResponse_Backable{Backable: b}})
	w.settle()
}

func event1(kind runtimeapiv1.CandidateEvent_Kind, r candidate.Receipt) *runtimeapiv1.CandidateEvent {
	return &runtimeapiv1.CandidateEvent{Kind: kind, Receipt: parachain.ReceiptMessage(r)}
}

// expect compares what was done since the last time.
func (w *world) expect(want ...string) {
	w.t.Helper()
	got := w.did
	w.did = nil
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		w.t.Errorf("done: %q\nnot: %q", got, want)
	}
}
