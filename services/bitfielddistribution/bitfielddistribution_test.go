package bitfielddistribution

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/bitfields"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/view"
	"github.com/reevenet/reeve/internal/parachain"
	"github.com/reevenet/reeve/overseer/overseertest"
	bdv1 "github.com/reevenet/reeve/proto/reeve/bitfielddistribution/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	runtimeapiv1 "github.com/reevenet/reeve/proto/reeve/runtimeapi/v1"
)

const (
	cores   = 3
	session = 7
)

var block, other = primitives.Hash{'r'}, primitives.Hash{'o'}

func secretOf(validator uint32) ed25519.PrivateKey {
	seed := [ed25519.SeedSize]byte{byte(validator + 1)}
	return ed25519.NewKeyFromSeed(seed[:])
}

// by is what a validator signs about a block: a bit for each of the cores.
func by(validator uint32, at primitives.Hash, set ...uint32) bitfields.Signed {
	s := bitfields.Signed{Validator: validator, Cores: primitives.NewBits(cores, set...)}
	in := signbytes.Context{Session: session, RelayParent: at}
	payload, err := parachain.SignedBitfield(s).Payload(in).Encode()
	if err != nil {
		panic(err)
	}
	copy(s.Signature[:], ed25519.Sign(secretOf(validator), payload))
	return s
}

func forged(s bitfields.Signed) bitfields.Signed {
	s.Signature[0]++
	return s
}

// world is bitfield-distribution in a session of four validators, with all others played by the test.
type world struct {
	*overseertest.Overseer
	t          *testing.T
	validators uint32
	pending    []overseertest.Sent // questions about leaves
}

func open(t *testing.T) *world {
	w := &world{Overseer: overseertest.Start(t, Spec(Config{Chain: "relay"})), t: t, validators: 4}
	w.On("relay")
	overseertest.Expect[*nbv1.RegisterEventProducer](w.Overseer)
	return w
}

// opened is a world with a leaf, and peers 1 and 2, who work on it.
func opened(t *testing.T) *world {
	w := open(t)
	w.StartWork(block[:], nil, 9)
	w.answer()
	w.connect(1, block)
	w.connect(2, block)
	w.expect()
	return w
}

// answer answers what has been asked about leaves.
func (w *world) answer() {
	w.expect() // puts questions aside
	for _, sent := range w.pending {
		a := &runtimeapiv1.RuntimeApiAnswer{Kind: &runtimeapiv1.RuntimeApiAnswer_SessionIndexForChild{
			SessionIndexForChild: &runtimeapiv1.SessionIndexForChildAnswer{Session: session}}}
		if sent.Body.(*runtimeapiv1.Request).GetRequest().GetValidators() != nil {
			list := &runtimeapiv1.ValidatorsAnswer{}
			for i := range w.validators {
				list.Validators = append(list.Validators, &primitivesv1.Validator{
					PublicKey: secretOf(i).Public().(ed25519.PublicKey)})
			}
			a.Kind = &runtimeapiv1.RuntimeApiAnswer_Validators{Validators: list}
		}
		sent.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Answer{Answer: a}})
	}
	w.pending = nil
}

func peer(n byte) primitives.NodeID { return primitives.NodeID{n} }

func (w *world) event(e *nbv1.NetworkBridgeEvent) {
	w.t.Helper()
	w.Send("network-bridge", &bdv1.NetworkBridgeUpdate{Event: e})
}

func (w *world) reset() {
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeersReset{PeersReset: &nbv1.PeersReset{}}})
}

func (w *world) ourView() {
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_OurViewChange{
		OurViewChange: &nbv1.OurViewChange{View: &nbv1.View{}}}})
}

func (w *world) connect(n byte, heads ...primitives.Hash) {
	id := peer(n)
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerConnected{
		PeerConnected: &nbv1.PeerConnected{Peer: id[:]}}})
	w.look(n, heads...)
}

func (w *world) disconnect(n byte) {
	id := peer(n)
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerDisconnected{
		PeerDisconnected: &nbv1.PeerDisconnected{Peer: id[:]}}})
}

func (w *world) look(n byte, heads ...primitives.Hash) {
	id := peer(n)
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerViewChange{PeerViewChange: &nbv1.PeerViewChange{
		Peer: id[:], View: &nbv1.View{Heads: view.View(heads).Bytes()}}}})
}

func (w *world) says(n byte, at primitives.Hash, s bitfields.Signed) {
	w.t.Helper()
	payload, err := write(at, s)
	if err != nil {
		w.t.Fatal(err)
	}
	w.saysRaw(n, payload)
}

func (w *world) saysRaw(n byte, payload []byte) {
	id := peer(n)
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerMessage{
		PeerMessage: &nbv1.PeerMessage{Peer: id[:], Payload: payload}}})
}

func (w *world) own(at primitives.Hash, s bitfields.Signed) {
	w.Send("bitfield-signing", &bdv1.DistributeBitfield{
		RelayParent: at[:], Bitfield: parachain.BitfieldMessage(parachain.SignedBitfield(s))})
}

// expect compares all that was sent, as lines, with what was wanted; questions about leaves are put aside.
func (w *world) expect(want ...string) {
	w.t.Helper()
	var got []string
	for _, sent := range w.Sent() {
		switch m := sent.Body.(type) {
		case *runtimeapiv1.Request:
			w.pending = append(w.pending, sent)
		case *nbv1.ReportPeer:
			got = append(got, fmt.Sprintf("report %d %+d", m.GetPeer()[0], m.GetCostBenefit()))
		case *nbv1.SendMessage:
			_, s, err := read(m.GetPayload())
			if err != nil || m.GetProtocol() != protocol {
				w.t.Errorf("it sends %v, which nobody can read: %v", m, err)
			}
			got = append(got, fmt.Sprintf("to %v: %d has %v", firsts(m.GetPeers()), s.Validator, s.Cores.Ones()))
		case *provisionerv1.ProvisionableData:
			s, err := parachain.Bitfield(m.GetBitfield())
			if err != nil {
				w.t.Error(err)
			}
			got = append(got, fmt.Sprintf("provide %d has %v", s.Validator, s.Cores.Ones()))
		default:
			got = append(got, sent.String())
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("sent (-want +got)\n%s", diff)
	}
}

func firsts(ids [][]byte) []byte {
	var list []byte
	for _, id := range ids {
		list = append(list, id[0])
	}
	return list
}

func TestTheWholeEnumIsKnown(t *testing.T) { overseertest.Exhaustive(t, Spec(Config{Chain: "relay"})) }

func TestOurOwnGoesToTheProvisionerAndToAllWhoWorkOnTheLeaf(t *testing.T) {
	w := opened(t)
	w.connect(3, other)
	w.own(block, by(0, block, 0, 2))
	w.expect("provide 0 has [0 2]", "to [1 2]: 0 has [0 2]")
	w.own(block, by(0, block, 0, 2)) // redelivered
	w.expect()
	w.look(3, other, block) // it comes to the leaf
	w.expect("to [3]: 0 has [0 2]")
	w.look(3, block)
	w.look(3)
	w.look(3, block)
	w.expect()
}

// F1.
func TestABadSignatureCostsAndIsNotForwarded(t *testing.T) {
	signed := by(1, block, 0).Signature
	for name, s := range map[string]bitfields.Signed{
		"another's bytes":     forged(by(1, block, 0)),
		"for another block":   by(1, other, 0),
		"another validator's": {Validator: 2, Cores: primitives.NewBits(cores, 0), Signature: signed},
	} {
		t.Run(name, func(t *testing.T) {
			w := opened(t)
			w.says(1, block, s)
			w.expect("report 1 -100")
		})
	}
}

// F2.
func TestWhatIsOutOfPlaceCosts(t *testing.T) {
	t.Run("no such validator", func(t *testing.T) {
		w := opened(t)
		w.says(1, block, by(4, block, 0))
		w.expect("report 1 -100")
	})
	t.Run("relay parent not in view", func(t *testing.T) {
		w := opened(t)
		w.says(1, other, by(1, other, 0))
		w.expect("report 1 -51")
	})
	t.Run("no validators", func(t *testing.T) {
		w := open(t)
		w.validators = 0
		w.StartWork(block[:], nil, 9)
		w.answer()
		w.connect(1, block)
		w.says(1, block, by(1, block, 0))
		w.expect("report 1 -133")
	})
}

// An instance of the provisioner that comes while a leaf is worked on is told what the one before was.
func TestAnInstanceOfTheProvisionerThatComesIsToldWhatIsKnown(t *testing.T) {
	w := opened(t)
	w.says(1, block, by(2, block, 1))
	w.own(block, by(1, block, 0))
	w.Sent()
	w.Presence("provisioner", false)
	w.expect()
	w.Presence("provisioner", true)
	w.expect("provide 1 has [0]", "provide 2 has [1]")
}

// F4.
func TestABitfieldIsNotRelayedTwiceAndNotToWhereItCameFrom(t *testing.T) {
	w := opened(t)
	w.connect(3, block)
	w.says(1, block, by(1, block, 0))
	w.expect("provide 1 has [0]", "to [2 3]: 1 has [0]")
	w.says(2, block, by(1, block, 0)) // from another peer at the same time
	w.expect()
	w.says(1, block, by(1, block, 0))
	w.expect("report 1 -500")
	w.Advance(payEvery)
	w.expect("report 1 +15", "report 2 +10")
	w.Advance(time.Minute)
	w.expect()
}

func TestOfTwoBitfieldsOfAValidatorTheFirstCounts(t *testing.T) {
	w := opened(t)
	w.says(1, block, by(1, block, 0))
	w.expect("provide 1 has [0]", "to [2]: 1 has [0]")
	w.says(2, block, by(1, block, 1))
	w.expect()
	w.connect(3, block)
	w.expect("to [3]: 1 has [0]")
}

func TestWhatCanNotBeReadCosts(t *testing.T) {
	w := opened(t)
	good, err := write(block, by(1, block, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, payload := range [][]byte{
		nil, []byte("nonsense"), good[:len(good)-1], bytes.Repeat([]byte{0}, maxPayload+1),
	} {
		w.saysRaw(1, payload)
		w.expect("report 1 -500")
	}
	past := by(1, block, 0)
	past.Cores.Bytes = []byte{0xff} // bits past the end
	w.says(1, block, past)
	w.expect("report 1 -500")
}

// Blocks are imported at slightly different times, and what must be known of one is asked for first.
func TestWhatComesBeforeTheLeafsStateIsKnownIsJudgedThen(t *testing.T) {
	w := open(t)
	w.connect(1, block)
	w.connect(2, block)
	w.StartWork(block[:], nil, 9)
	w.says(1, block, by(1, block, 0))
	w.says(2, block, forged(by(2, block, 0)))
	w.own(block, by(0, block, 1))
	w.expect()
	if w.Number("waiting") != 3 {
		t.Error(w.Status())
	}
	w.answer()
	w.expect("provide 1 has [0]", "to [2]: 1 has [0]", "report 2 -100", "provide 0 has [1]", "to [1 2]: 0 has [1]")
}

func TestALeafThatHasEndedIsForgotten(t *testing.T) {
	w := opened(t)
	w.says(1, block, by(1, block, 0))
	w.StopWork(block[:])
	w.Sent()
	w.own(block, by(0, block, 0))
	w.says(2, block, by(2, block, 0)) // it was under way
	w.look(2)
	w.look(2, block)
	w.expect()
	if w.Number("bitfields") != 0 || w.Number("leaves") != 0 {
		t.Error(w.Status())
	}
}

// The bridge tells anew who is connected, when it was overloaded or has started again.
func TestWhoIsStillConnectedAfterAResetIsToldNothingTwice(t *testing.T) {
	w := opened(t)
	w.connect(3, block)
	w.own(block, by(0, block, 0))
	w.expect("provide 0 has [0]", "to [1 2 3]: 0 has [0]")
	w.reset()
	w.connect(1, block)
	w.connect(3, block)
	w.ourView()
	w.expect()
	w.disconnect(3)
	w.connect(3, block)
	w.expect("to [3]: 0 has [0]")
	w.connect(2, block) // was away meanwhile
	w.expect("to [2]: 0 has [0]")
}

func TestOtherChainsAndMalformedMessagesOfOurOwnAreNothing(t *testing.T) {
	w := open(t)
	w.On("kv")
	w.StartWork(block[:], nil, 9)
	w.expect()
	if w.Number("leaves") != 0 || len(w.pending) != 0 {
		t.Error(w.Status())
	}
	w.Send("bitfield-signing", &bdv1.DistributeBitfield{RelayParent: block[:]})
	w.Send("bitfield-signing", &bdv1.DistributeBitfield{})
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerConnected{
		PeerConnected: &nbv1.PeerConnected{}}})
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerViewChange{
		PeerViewChange: &nbv1.PeerViewChange{View: &nbv1.View{Heads: [][]byte{{1}}}}}})
	w.expect()
}

func TestALeafWhoseStateWontComeIsSaid(t *testing.T) {
	w := open(t)
	w.StartWork(block[:], nil, 9)
	w.expect()
	for _, sent := range w.pending {
		sent.Reply(&runtimeapiv1.RequestResponse{Outcome: &runtimeapiv1.RequestResponse_Error{
			Error: &runtimeapiv1.RuntimeApiError{
				Code: runtimeapiv1.RuntimeApiError_CODE_PRUNED_STATE, Detail: "gone"}}})
	}
	if w.Trouble("leaves") == "" {
		t.Error(w.Status())
	}
	w.connect(1, block)
	w.says(1, block, by(1, block, 0))
	w.expect() // it isn't the peer's fault
	w.StopWork(block[:])
	if w.Trouble("leaves") != "" {
		t.Error(w.Status())
	}
}

func TestALongBitfieldFitsAMessageAndALongerOneDoesNot(t *testing.T) {
	long := bitfields.Signed{Cores: primitives.NewBits(signbytes.MaxBits)}
	payload, err := write(block, long)
	if err != nil || len(payload) > maxPayload {
		t.Fatalf("%d bytes, %v", len(payload), err)
	}
	if _, got, err := read(payload); err != nil || !got.Equal(long) {
		t.Errorf("it comes back as %v, %v", got.Cores.Length, err)
	}
	if payload, err = write(block, bitfields.Signed{Cores: primitives.NewBits(3 * signbytes.MaxBits)}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(payload); err == nil {
		t.Error("it is read")
	}
}

// FuzzWire: whatever a peer sends is read or refused, and what is read comes back as it was.
func FuzzWire(f *testing.F) {
	payload, err := write(block, by(1, block, 0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(payload)
	f.Add([]byte("nonsense"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		at, s, err := read(payload)
		if err != nil {
			return
		}
		again, err := write(at, s)
		if err != nil {
			t.Fatal(err)
		}
		if at2, s2, err := read(again); err != nil || at2 != at || !s2.Equal(s) {
			t.Errorf("%v is read as %v, %v", s, s2, err)
		}
	})
}
