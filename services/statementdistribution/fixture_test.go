package statementdistribution

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/statements"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	cbv1 "github.com/reevenet/reeve/proto/reeve/candidatebacking/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
	sdv1 "github.com/reevenet/reeve/proto/reeve/statementdistribution/v1"
)

const (
	seconded = signbytes.Seconded
	valid    = signbytes.Valid
	invalid  = signbytes.Invalid

	validators         = 4
	alice, bob, claire = 0, 1, 2
	session            = 7
)

// The relay parents of the stories.
var rp, other = primitives.Hash{'r'}, primitives.Hash{'o'}

func id(n byte) []byte { return append([]byte{n}, make([]byte, 31)...) }

func secret(validator uint32) ed25519.PrivateKey {
	seed := [ed25519.SeedSize]byte{byte(validator + 1)}
	return ed25519.NewKeyFromSeed(seed[:])
}

// receipt is that of a candidate by its number.
func receipt(relayParent primitives.Hash, n int) candidate.CommittedReceipt {
	var r candidate.CommittedReceipt
	r.Descriptor.Collation.RelayParent = relayParent
	r.Descriptor.Collation.ParaID = uint32(n)
	r.Commitments.HeadData = []byte{byte(n)}
	return r
}

func candidateHash(relayParent primitives.Hash, n int) primitives.Hash {
	h, err := receipt(relayParent, n).Hash()
	if err != nil {
		panic(err)
	}
	return h
}

// says is a validator's statement about a candidate of the relay parent, signed.
func says(validator uint32, v signbytes.Verdict, n int) *primitivesv1.SignedStatement {
	return saysAt(rp, validator, v, n)
}

func saysAt(at primitives.Hash, validator uint32, v signbytes.Verdict, n int) *primitivesv1.SignedStatement {
	s := statements.Signed{Verdict: v, Candidate: candidateHash(at, n), Validator: validator}
	payload, err := s.Payload(signbytes.Context{Session: session, RelayParent: at}).Encode()
	if err != nil {
		panic(err)
	}
	copy(s.Signature[:], ed25519.Sign(secret(validator), payload))
	m := parachain.StatementMessage(s)
	if v == seconded {
		m.Statement.Kind = &primitivesv1.Statement_Seconded{Seconded: parachain.CommittedMessage(receipt(at, n))}
	}
	return m
}

// forged is a statement that its validator hasn't signed.
func forged(validator uint32, v signbytes.Verdict, n int) *primitivesv1.SignedStatement {
	m := says(validator, v, n)
	m.Signature[0] ^= 1
	return m
}

// fixture is statement distribution, with the test as its overseer.
type fixture struct {
	*overseertest.Overseer
	t *testing.T
}

// start starts it with a view of the relay parent, which is active.
func start(t *testing.T) *fixture {
	f := bare(t)
	f.begin(rp)
	f.ours(rp)
	return f
}

func bare(t *testing.T) *fixture {
	f := fresh(t)
	f.reset()
	return f
}

// fresh is one that the bridge hasn't told of peers yet.
func fresh(t *testing.T) *fixture {
	f := &fixture{overseertest.Start(t, Spec(Config{Chain: "relay"})), t}
	f.On("relay")
	overseertest.Expect[*nbv1.RegisterEventProducer](f.Overseer)
	return f
}

// begin makes a relay parent a leaf and answers what is asked about it.
func (f *fixture) begin(hash primitives.Hash) {
	f.StartWork(hash[:], nil, 1)
	f.facts()
}

// facts answers the questions about a leaf.
func (f *fixture) facts() {
	f.t.Helper()
	for range 2 {
		q, sent := overseertest.Expect[*runtimeapiv1.Request](f.Overseer)
		sent.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: answer(q)}})
	}
}

func answer(q *runtimeapiv1.Request) *runtimeapiv1.RuntimeApiAnswer {
	if q.GetRequest().GetValidators() == nil {
		return &runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild{
			SessionIndexForChild: &runtimeapiv1.SessionIndexForChildAnswer{Session: session}}}
	}
	list := &runtimeapiv1.ValidatorsAnswer{}
	for v := range uint32(validators) {
		key := secret(v).Public().(ed25519.PublicKey)
		list.Validators = append(list.Validators, &primitivesv1.Validator{PublicKey: key, NodeId: id(100 + byte(v))})
	}
	return &runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: list}}
}

func (f *fixture) event(e *nbv1.NetworkBridgeEvent) {
	f.Send("network-bridge", &sdv1.NetworkBridgeUpdate{Event: e})
}

func heads(list []primitives.Hash) *nbv1.View {
	v := &nbv1.View{}
	for _, h := range list {
		v.Heads = append(v.Heads, h[:])
	}
	return v
}

// ours changes this node's view.
func (f *fixture) ours(list ...primitives.Hash) {
	f.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_OurViewChange{
		OurViewChange: &nbv1.OurViewChange{View: heads(list)}}})
}

// connect connects a peer and tells its view.
func (f *fixture) connect(peer byte, list ...primitives.Hash) {
	f.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerConnected{
		PeerConnected: &nbv1.PeerConnected{Peer: id(peer)}}})
	f.view(peer, list...)
}

func (f *fixture) disconnect(peer byte) {
	f.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerDisconnected{
		PeerDisconnected: &nbv1.PeerDisconnected{Peer: id(peer)}}})
}

func (f *fixture) reset() {
	f.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeersReset{PeersReset: &nbv1.PeersReset{}}})
}

func (f *fixture) view(peer byte, list ...primitives.Hash) {
	f.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerViewChange{
		PeerViewChange: &nbv1.PeerViewChange{Peer: id(peer), View: heads(list)}}})
}

// hear lets a peer say something about candidates of rp.
func (f *fixture) hear(peer byte, list ...*primitivesv1.SignedStatement) {
	f.hearAbout(rp, peer, list...)
}

func (f *fixture) hearAbout(at primitives.Hash, peer byte, list ...*primitivesv1.SignedStatement) {
	f.bytes(peer, encode(&sdv1.Statements{RelayParent: at[:], Statements: list}))
}

func (f *fixture) bytes(peer byte, payload []byte) {
	f.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerMessage{
		PeerMessage: &nbv1.PeerMessage{Peer: id(peer), Payload: payload}}})
}

// share lets candidate-backing share a statement of this node's.
func (f *fixture) share(s *primitivesv1.SignedStatement) {
	f.Send("candidate-backing", &sdv1.Share{RelayParent: rp[:], Statement: s})
}

// news takes what it sent, as lines: "to 2 3: seconded 1 by 0", "report 2: -500 …", "backing: valid 1 by 2".
func (f *fixture) news() (lines []string) {
	f.t.Helper()
	for _, s := range f.Sent() {
		switch m := s.Body.(type) {
		case *nbv1.ReportPeer:
			lines = append(lines, fmt.Sprintf("report %d: %d %s", m.GetPeer()[0], m.GetCostBenefit(), m.GetReason()))
		case *cbv1.Statement:
			lines = append(lines, "backing: "+f.line(m.GetRelayParent(), m.GetStatement()))
		case *nbv1.SendMessage:
			lines = append(lines, f.sent(m))
		default:
			lines = append(lines, fmt.Sprintf("%T", m))
		}
	}
	return lines
}

func (f *fixture) sent(m *nbv1.SendMessage) string {
	f.t.Helper()
	var w sdv1.Wire
	if err := proto.Unmarshal(m.GetPayload(), &w); err != nil || w.Validate() != nil {
		f.t.Fatalf("it sends what no peer reads: %v, %v", err, w.Validate())
	}
	to := "to"
	for _, p := range m.GetPeers() {
		to += fmt.Sprint(" ", p[0])
	}
	var list []string
	for _, s := range w.GetStatements().GetStatements() {
		list = append(list, f.line(w.GetStatements().GetRelayParent(), s))
	}
	return to + ": " + strings.Join(list, ", ")
}

// line is a statement in words, "seconded 1 by 0".
func (f *fixture) line(at []byte, m *primitivesv1.SignedStatement) string {
	f.t.Helper()
	s, err := parachain.Statement(m)
	if err != nil {
		f.t.Fatal(err)
	}
	words := map[signbytes.Verdict]string{seconded: "seconded", valid: "valid", invalid: "invalid"}
	for n := range 300 {
		if candidateHash(primitives.Hash(at), n) == s.Candidate {
			return fmt.Sprintf("%s %d by %d", words[s.Verdict], n, s.Validator)
		}
	}
	return "about an unknown candidate"
}

func (f *fixture) expect(want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(want, f.news()); diff != "" {
		f.t.Errorf("(-want +got)\n%s", diff)
	}
}
