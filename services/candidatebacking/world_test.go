package candidatebacking

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	candidatebackingv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	povdistributionv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

const para = 7

var (
	parent = primitives.HashOf([]byte("the leaf"))
	code   = primitives.HashOf([]byte("code"))
	pov    = primitives.HashOf([]byte("pov"))
)

// world is everybody but candidate-backing: the relay chain's state, the other subsystems, and the other validators. It
// answers what is asked, as they do when all goes well, unless a story says otherwise.
type world struct {
	*overseertest.Overseer
	t     *testing.T
	keys  []ed25519.PrivateKey
	group []uint32
	own   int

	// answers, by the question's name, in place of the usual.
	answers map[string]func(overseertest.Sent)
	// asked and sent are what has gone out, by name, and all that was sent one-way.
	asked map[string]int
	sent  []proto.Message
	// core is what the one core of the para does.
	core *primitivesv1.CoreState
	// prepared is how often code was to be made ready.
	prepared int
}

// newWorld has six validators; the para's group is given, and this node is validator own (-1: none).
func newWorld(t *testing.T, own int, group ...uint32) *world {
	w := &world{
		Overseer: overseertest.Start(t, Spec(Config{Chain: "relay"})), t: t, group: group, own: own,
		answers: map[string]func(overseertest.Sent){}, asked: map[string]int{},
		core: &primitivesv1.CoreState{Kind: &primitivesv1.CoreState_Scheduled{
			Scheduled: &primitivesv1.ScheduledCore{Para: para}}},
	}
	for i := range byte(6) {
		w.keys = append(w.keys, ed25519.NewKeyFromSeed(append(make([]byte, 31), i)))
	}
	w.On("relay")
	return w
}

// begin makes the leaf one. Of the code that is made ready with the first one only its own test wants to hear.
func (w *world) begin() *world {
	w.StartWork(parent[:], nil, 9)
	w.settle()
	if len(sentOf[*candidatevalidationv1.Prepare](w)) > 0 {
		w.sent = slices.DeleteFunc(w.sent, func(m proto.Message) bool {
			_, is := m.(*candidatevalidationv1.Prepare)
			return is
		})
		delete(w.asked, "validation_code")
		w.prepared++
	}
	return w
}

// settle answers until nothing more is asked.
func (w *world) settle() {
	w.t.Helper()
	for all := w.Sent(); len(all) > 0; all = w.Sent() {
		for _, s := range all {
			if !s.Request {
				w.sent = append(w.sent, s.Body)
				continue
			}
			name := nameOf(s.Body)
			w.asked[name]++
			if answer := w.answers[name]; answer != nil {
				answer(s)
				continue
			}
			if name == "QueryAllChunks" {
				for i := range uint32(3) {
					s.Item(&availabilitystorev1.QueryAllChunksResponse{Chunk: &primitivesv1.ErasureChunk{Index: i}})
				}
				s.End()
				continue
			}
			s.Reply(w.answer(s.Body))
		}
	}
}

func nameOf(m proto.Message) string {
	if r, ok := m.(*runtimeapiv1.Request); ok {
		k := r.GetRequest().ProtoReflect()
		return string(k.WhichOneof(k.Descriptor().Oneofs().ByName("kind")).Name())
	}
	return string(m.ProtoReflect().Descriptor().Name())
}

// sentOf are the one-way messages of a kind.
func sentOf[M proto.Message](w *world) (list []M) {
	for _, m := range w.sent {
		if m, ok := m.(M); ok {
			list = append(list, m)
		}
	}
	return list
}

func (w *world) answer(q proto.Message) proto.Message {
	switch q := q.(type) {
	case *runtimeapiv1.Request:
		return &runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: w.state(q.GetRequest())}}
	case *keystorev1.PublicKeys:
		r := &keystorev1.PublicKeysResponse{}
		if w.own >= 0 {
			r.Keys = []*keystorev1.PublicKey{{Purpose: "validator", Key: w.public(uint32(w.own))}}
		}
		return r
	case *povdistributionv1.FetchPoV:
		return &povdistributionv1.FetchPoVResponse{Outcome: &povdistributionv1.FetchPoVResponse_Pov{Pov: aPoV()}}
	case *candidatevalidationv1.Validate:
		return &candidatevalidationv1.ValidateResponse{Outcome: &candidatevalidationv1.ValidateResponse_Valid{
			Valid: &candidatevalidationv1.Valid{Outputs: outputs(q.GetReceipt())}}}
	case *availabilitystorev1.StoreAvailableData:
		return &availabilitystorev1.StoreAvailableDataResponse{Outcome: stored}
	case *keystorev1.SignStatement:
		return w.sign(q)
	}
	w.t.Fatalf("nobody answers %T", q)
	return nil
}

// state is what the relay chain says after the leaf.
func (w *world) state(q *runtimeapiv1.RuntimeApiRequest) *runtimeapiv1.RuntimeApiAnswer {
	a := &runtimeapiv1.RuntimeApiAnswer{}
	switch q.GetKind().(type) {
	case *runtimeapiv1.RuntimeApiRequest_Validators:
		list := &runtimeapiv1.ValidatorsAnswer{}
		for i := range w.keys {
			list.Validators = append(list.Validators, &primitivesv1.Validator{PublicKey: w.public(uint32(i))})
		}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: list}
	case *runtimeapiv1.RuntimeApiRequest_ValidatorGroups:
		groups := &runtimeapiv1.ValidatorGroupsAnswer{Groups: []*primitivesv1.ValidatorGroup{{Validators: w.group}}}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_ValidatorGroups{ValidatorGroups: groups}
	case *runtimeapiv1.RuntimeApiRequest_AvailabilityCores:
		cores := &runtimeapiv1.AvailabilityCoresAnswer{Cores: []*primitivesv1.CoreState{w.core}}
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_AvailabilityCores{AvailabilityCores: cores}
	case *runtimeapiv1.RuntimeApiRequest_SessionIndexForChild:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild{
			SessionIndexForChild: &runtimeapiv1.SessionIndexForChildAnswer{Session: 3}}
	case *runtimeapiv1.RuntimeApiRequest_PersistedValidationData:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_PersistedValidationData{
			PersistedValidationData: &runtimeapiv1.PersistedValidationDataAnswer{
				Data: parachain.ValidationDataMessage(data())}}
	case *runtimeapiv1.RuntimeApiRequest_ValidationCode:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_ValidationCode{ValidationCode: &runtimeapiv1.ValidationCodeAnswer{
			Code: &primitivesv1.BlobRef{Hash: code[:], Size: 4}}}
	case *runtimeapiv1.RuntimeApiRequest_CheckValidationOutputs:
		a.Kind = &runtimeapiv1.RuntimeApiAnswer_CheckValidationOutputs{
			CheckValidationOutputs: &runtimeapiv1.CheckValidationOutputsAnswer{
				Verdict: runtimeapiv1.CheckValidationOutputsAnswer_VERDICT_ACCEPTABLE}}
	}
	return a
}

func data() candidate.PersistedValidationData {
	return candidate.PersistedValidationData{ParentHead: []byte("before"), RelayParentNumber: 9, MaxPoVSize: 1 << 20}
}

func (w *world) public(v uint32) ed25519.PublicKey { return w.keys[v].Public().(ed25519.PublicKey) }

func (w *world) sign(q *keystorev1.SignStatement) proto.Message {
	verdict := map[keystorev1.StatementKind]signbytes.Verdict{}
	for v, k := range kinds {
		verdict[k] = v
	}
	s := w.said(uint32(w.own), verdict[q.GetKind()], primitives.Hash(q.GetCandidateHash()))
	return &keystorev1.SignStatementResponse{Outcome: &keystorev1.SignStatementResponse_Signature{
		Signature: &keystorev1.Signature{Signature: s.Signature[:]}}}
}

// said is a validator's statement.
func (w *world) said(v uint32, verdict signbytes.Verdict, c primitives.Hash) statements.Signed {
	s := statements.Signed{Verdict: verdict, Candidate: c, Validator: v}
	in := signbytes.Context{Session: 3, RelayParent: parent}
	payload, err := s.Payload(in).Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	s.Signature = [64]byte(ed25519.Sign(w.keys[v], payload))
	return s
}

// made is a candidate with a head of that name.
func made(head string) candidate.CommittedReceipt {
	hash, _ := data().Hash()
	r := candidate.CommittedReceipt{Commitments: candidate.Commitments{HeadData: []byte(head)}}
	r.Descriptor.Collation = signbytes.Collation{
		ParaID: para, RelayParent: parent, PersistedValidationDataHash: hash, PoVHash: pov, ValidationCodeHash: code,
		ParaHead: primitives.HashOf([]byte(head)),
	}
	return r
}

// outputs are what validating a candidate puts out: the head's name is in no message, so a test keeps to one letter.
func outputs(r *primitivesv1.CandidateReceipt) *primitivesv1.CandidateCommitments {
	for _, head := range "abcdefgh" {
		if h := primitives.HashOf([]byte(string(head))); string(h[:]) == string(r.GetDescriptor_().GetParaHead()) {
			return &primitivesv1.CandidateCommitments{HeadData: []byte(string(head))}
		}
	}
	panic(fmt.Sprint("no such head: ", r))
}

func hashOf(r candidate.CommittedReceipt) primitives.Hash {
	h, err := r.Hash()
	if err != nil {
		panic(err)
	}
	return h
}

func aPoV() *primitivesv1.PoV {
	return &primitivesv1.PoV{BlockData: &primitivesv1.BlobRef{Hash: pov[:], Size: 3}}
}

// second gives a candidate to propose.
func (w *world) second(r candidate.CommittedReceipt) {
	w.Send("candidate-selection", &candidatebackingv1.Second{RelayParent: parent[:], Receipt: short(r), Pov: aPoV()})
	w.settle()
}

// hears gives a peer's statement; Seconded comes with the whole receipt.
func (w *world) hears(v uint32, verdict signbytes.Verdict, r candidate.CommittedReceipt) {
	w.hearsSigned(w.said(v, verdict, hashOf(r)), r)
}

func (w *world) hearsSigned(s statements.Signed, r candidate.CommittedReceipt) {
	m := parachain.StatementMessage(s)
	if s.Verdict == signbytes.Seconded {
		m.Statement.Kind = &primitivesv1.Statement_Seconded{Seconded: parachain.CommittedMessage(r)}
	}
	w.Send("statement-distribution", &candidatebackingv1.Statement{RelayParent: parent[:], Statement: m})
	w.settle()
}
