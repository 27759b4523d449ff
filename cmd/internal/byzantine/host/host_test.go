package host

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/overseer/overseertest"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitydistributionv1 "github.com/reevenet/reeve/proto/reeve/availabilitydistribution/v1"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	povdistributionv1 "github.com/reevenet/reeve/proto/reeve/povdistribution/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	statementdistributionv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
	"github.com/reevenet/reeve/services"
)

// puppet is an honest part that says what the test has it say.
type puppet struct {
	*overseertest.Overseer
	t      *testing.T
	sub    *subsystem.Sub
	secret keys.Secret
}

func (*puppet) Signal(*overseerv1.Signal)   {}
func (*puppet) Handle(m *subsystem.Message) { m.Unknown() }

// start has the part of production lie in a way, whose handler the test is.
func start(t *testing.T, kind Kind) *puppet {
	p := &puppet{t: t, secret: keys.FromSeed(keys.Signing, [32]byte{7})}
	found, err := services.Parts().Find(kind.Part())
	if err != nil {
		t.Fatal(err)
	}
	spec := found.Spec
	spec.New = func(sub *subsystem.Sub) (subsystem.Handler, error) {
		p.sub = sub
		return p, nil
	}
	p.Overseer = overseertest.Start(t, lying(spec, kind, p.secret))
	return p
}

// do does something on the part's loop.
func (p *puppet) do(f func()) {
	p.sub.Post(f)
	p.Step()
}

// silent expects that nothing more is said.
func (p *puppet) silent() {
	p.t.Helper()
	p.ExpectNothing()
}

var in = signbytes.Context{Session: 3, RelayParent: primitives.Hash{0xab}}

// by is the index of the liar among the validators.
const by = 4

func receipt() candidate.CommittedReceipt {
	return candidate.CommittedReceipt{
		Descriptor: candidate.Descriptor{Collation: signbytes.Collation{
			ParaID: 2000, RelayParent: in.RelayParent, PoVHash: candidate.PoVHash([]byte("proof")),
			ErasureRoot: primitives.Hash{1},
		}},
		Commitments: candidate.Commitments{HeadData: []byte("head")},
	}
}

// share says of the candidate what an honest validator would, whose keystore has signed it.
func (p *puppet) share(v signbytes.Verdict) primitives.Hash {
	p.t.Helper()
	r := receipt()
	id, err := r.Hash()
	if err != nil {
		p.t.Fatal(err)
	}
	p.do(func() {
		subsystem.Ask(p.sub, &keystorev1.SignStatement{Session: in.Session, RelayParent: in.RelayParent[:]}, time.Second,
			func(*keystorev1.SignStatementResponse, error) {})
	})
	overseertest.Expect[*keystorev1.SignStatement](p.Overseer)
	m := parachain.StatementMessage(statements.Signed{Verdict: v, Candidate: id, Validator: by})
	if v == signbytes.Seconded {
		m.Statement.Kind = &primitivesv1.Statement_Seconded{Seconded: parachain.CommittedMessage(r)}
	}
	p.do(func() {
		p.sub.Send(&statementdistributionv1.Share{RelayParent: in.RelayParent[:], Statement: m})
		if v == signbytes.Seconded {
			pov := receipt().Descriptor.Collation.PoVHash
			p.sub.Send(&povdistributionv1.DistributePoV{
				RelayParent: in.RelayParent[:], Descriptor_: parachain.DescriptorMessage(r.Descriptor),
				Pov: &primitivesv1.PoV{BlockData: &primitivesv1.BlobRef{Hash: pov[:], Size: 5}},
			})
		}
	})
	return id
}

// heard is the next statement that the others are told. One that isn't the true one must be signed by the liar.
func (p *puppet) heard(truth primitives.Hash, v signbytes.Verdict) (statements.Signed, *candidate.CommittedReceipt) {
	p.t.Helper()
	m, _ := overseertest.Expect[*statementdistributionv1.Share](p.Overseer)
	s, err := parachain.Statement(m.GetStatement())
	key := p.secret.Public()
	truly := s.Candidate == truth && s.Verdict == v
	if err != nil || !truly && !parachain.VerifyStatement(in, s, ed25519.PublicKey(key[:])) {
		p.t.Fatalf("%v, %v isn't signed", err, s)
	}
	seconded := m.GetStatement().GetStatement().GetSeconded()
	if seconded == nil {
		return s, nil
	}
	r, err := parachain.Committed(seconded)
	if err != nil {
		p.t.Fatal(err)
	}
	if s.Candidate != truth && !r.Descriptor.Verify() {
		p.t.Error("the collator's signature doesn't hold")
	}
	return s, &r
}

func TestAnEquivocatorSaysBothOfACandidate(t *testing.T) {
	for _, v := range []signbytes.Verdict{signbytes.Seconded, signbytes.Valid} {
		p := start(t, Equivocate)
		id := p.share(v)
		if s, _ := p.heard(id, v); s.Verdict != v || s.Candidate != id {
			t.Errorf("first %v", s)
		}
		if s, _ := p.heard(id, v); s.Verdict != signbytes.Invalid || s.Candidate != id || s.Validator != by {
			t.Errorf("then %v", s)
		}
	}
}

func TestAnAccuserCallsEachCandidateInvalid(t *testing.T) {
	for _, v := range []signbytes.Verdict{signbytes.Seconded, signbytes.Valid} {
		p := start(t, Accuse)
		id := p.share(v)
		if s, _ := p.heard(id, v); s.Verdict != signbytes.Invalid || s.Candidate != id {
			t.Errorf("it says %v", s)
		}
	}
}

func TestWhoBacksTwoProposesTheCandidateAndAnotherAsGood(t *testing.T) {
	p := start(t, BackTwo)
	id := p.share(signbytes.Seconded)
	if s, _ := p.heard(id, signbytes.Seconded); s.Candidate != id {
		t.Errorf("first %v", s)
	}
	s, r := p.heard(id, signbytes.Seconded)
	if s.Verdict != signbytes.Seconded || s.Candidate == id {
		t.Fatalf("then %v", s)
	}
	want := receipt().Descriptor.Collation
	want.Collator = p.secret.Public()
	if r.Descriptor.Collation != want {
		t.Errorf("it differs in more than its collator: %+v", r.Descriptor.Collation)
	}
	overseertest.Expect[*povdistributionv1.DistributePoV](p.Overseer)
	p = start(t, BackTwo)
	id = p.share(signbytes.Valid) // of another's candidate it says what it should
	p.heard(id, signbytes.Valid)
	p.silent()
}

func TestAWrongErasureRootIsThatOfNoData(t *testing.T) {
	p := start(t, WrongErasureRoot)
	id := p.share(signbytes.Seconded)
	s, r := p.heard(id, signbytes.Seconded)
	if s.Candidate == id || r.Descriptor.Collation.ErasureRoot == receipt().Descriptor.Collation.ErasureRoot ||
		r.Descriptor.Collation.PoVHash != receipt().Descriptor.Collation.PoVHash {
		t.Errorf("%v, %+v", s, r)
	}
	overseertest.Expect[*povdistributionv1.DistributePoV](p.Overseer) // the proof is the same
}

func TestGarbageIsProposedInPlaceOfACandidateAndServed(t *testing.T) {
	p := start(t, SecondGarbage)
	id := p.share(signbytes.Seconded)
	s, r := p.heard(id, signbytes.Seconded)
	served, _ := overseertest.Expect[*povdistributionv1.DistributePoV](p.Overseer)
	hash := r.Descriptor.Collation.PoVHash
	if s.Candidate == id || hash == receipt().Descriptor.Collation.PoVHash ||
		!bytes.Equal(served.GetPov().GetBlockData().GetHash(), hash[:]) ||
		!bytes.Equal(served.GetDescriptor_().GetPovHash(), hash[:]) {
		t.Errorf("%v: %v is served", s, served)
	}
	p.silent() // the true candidate's proof is nobody's business
}

// answer has the part answer a peer.
func (p *puppet) answer(payload proto.Message) *nbv1.SendResponse {
	p.t.Helper()
	b, err := proto.Marshal(payload)
	if err != nil {
		p.t.Fatal(err)
	}
	p.do(func() {
		_ = p.sub.TrySend(&nbv1.SendResponse{Peer: []byte{1}, RequestId: 9,
			Outcome: &nbv1.SendResponse_Payload{Payload: b}})
	})
	m, _ := overseertest.Expect[*nbv1.SendResponse](p.Overseer)
	if m.GetRequestId() != 9 || !bytes.Equal(m.GetPeer(), []byte{1}) {
		p.t.Fatalf("another question is answered: %v", m)
	}
	return m
}

func TestWhoeverAsksForAProofGetsAnother(t *testing.T) {
	p := start(t, WrongPoV)
	var got povdistributionv1.Part
	r := p.answer(&povdistributionv1.Part{Size: 5, Bytes: []byte("proof")})
	if err := proto.Unmarshal(r.GetPayload(), &got); err != nil || got.GetSize() != 5 || len(got.GetBytes()) != 5 ||
		string(got.GetBytes()) == "proof" {
		t.Errorf("%v, %v", &got, err)
	}
	p.do(func() { // a refusal stays one
		_ = p.sub.TrySend(&nbv1.SendResponse{Outcome: &nbv1.SendResponse_Error{Error: &nbv1.RemoteError{Code: 1}}})
	})
	if m, _ := overseertest.Expect[*nbv1.SendResponse](p.Overseer); m.GetError().GetCode() != 1 {
		t.Errorf("%v", m)
	}
}

func TestChunksAreWithheldOrWrong(t *testing.T) {
	part := &availabilitydistributionv1.Part{Size: 5, Bytes: []byte("chunk"), Proof: [][]byte{make([]byte, 32)}}
	pushed, err := proto.Marshal(&availabilitydistributionv1.Pushed{
		Candidate: make([]byte, 32), Chunk: []byte("chunk"),
	})
	if err != nil {
		t.Fatal(err)
	}
	push := &nbv1.SendBulk{Peers: [][]byte{{1}}, Protocol: "chunks", Payload: pushed}
	var got availabilitydistributionv1.Part

	p := start(t, WithholdChunks)
	if err := proto.Unmarshal(p.answer(part).GetPayload(), &got); err != nil || got.GetSize() != 0 ||
		len(got.GetBytes()) != 0 {
		t.Errorf("%v, %v", &got, err)
	}
	p.do(func() { p.sub.Send(push) })
	p.silent()

	p = start(t, CorruptChunks)
	if err := proto.Unmarshal(p.answer(part).GetPayload(), &got); err != nil || got.GetSize() != 5 ||
		string(got.GetBytes()) == "chunk" || len(got.GetProof()) != 1 {
		t.Errorf("%v, %v", &got, err)
	}
	p.do(func() { p.sub.Send(push) })
	var gift availabilitydistributionv1.Pushed
	m, _ := overseertest.Expect[*nbv1.SendBulk](p.Overseer)
	if err := proto.Unmarshal(m.GetPayload(), &gift); err != nil || len(gift.GetChunk()) != 5 ||
		string(gift.GetChunk()) == "chunk" || m.GetProtocol() != "chunks" {
		t.Errorf("%v, %v", &gift, err)
	}
}

func TestWhoLiesInBitfieldsHasEachChunk(t *testing.T) {
	p := start(t, LieInBitfields)
	var here bool
	p.do(func() {
		subsystem.Ask(p.sub, &availabilitystorev1.QueryChunkAvailability{Candidate: make([]byte, 32)}, time.Second,
			func(r *availabilitystorev1.QueryChunkAvailabilityResponse, err error) {
				here = r.GetAvailable() && err == nil
			})
	})
	p.Advance(time.Millisecond)
	p.silent()
	if !here {
		t.Error("the store is believed")
	}
}

func TestAFloodIsEachMessageManyTimesWithNoise(t *testing.T) {
	p := start(t, FloodStatements)
	b, err := proto.Marshal(&statementdistributionv1.Wire{Kind: &statementdistributionv1.Wire_Statements{
		Statements: &statementdistributionv1.Statements{RelayParent: in.RelayParent[:],
			Statements: []*primitivesv1.SignedStatement{{Validator: by, Signature: make([]byte, 64)}}}}})
	if err != nil {
		t.Fatal(err)
	}
	p.do(func() { p.sub.Send(&nbv1.SendMessage{Peers: [][]byte{{1}}, Protocol: "statements", Payload: b}) })
	same, others := 0, 0
	for range 2 + 2*floodTimes {
		if m, _ := overseertest.Expect[*nbv1.SendMessage](p.Overseer); bytes.Equal(m.GetPayload(), b) {
			same++
		} else {
			others++
		}
	}
	if p.silent(); same != 1+floodTimes || others != 1+floodTimes {
		t.Errorf("%d times the same, %d others", same, others)
	}
}

func TestAKindIsReadAndDescribedAndOneOfANodesPartsLies(t *testing.T) {
	for _, k := range Kinds {
		if got, err := Parse(string(k)); err != nil || got != k || k.Describe() == "" {
			t.Errorf("%s: %v, %q", k, err, k.Describe())
		}
		if _, err := services.Parts().Find(k.Part()); err != nil {
			t.Errorf("%s: %v", k, err)
		}
	}
	if _, err := Parse("honest"); err == nil {
		t.Error("an honest liar is taken")
	}
}
