package sim

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// stage is a network of five that hasn't begun, with node 0 a liar.
func stage(t *testing.T, kind lie) *network {
	t.Helper()
	net, err := newNetwork(Config{Calm: true, tune: func(p *plan) { p.validators, p.liars, p.lie, p.lieOn = 5, 0, kind, true }}.withDefaults(), 1)
	if err != nil {
		t.Fatal(err)
	}
	net.lies.which[0], net.nodes[0].liar = true, true
	net.final = []primitives.Hash{{0xff}}
	return net
}

func signedBlock(t *testing.T, net *network, proposer int, slot uint64) *block.Block {
	t.Helper()
	h, body := block.Header{Height: 1, Parent: net.final[0], Slot: slot, Proposer: uint32(proposer)}, block.Body(nil, []byte("vm"))
	payload, err := h.Payload(net.chain, primitives.HashOf(body)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := block.New(net.chain, h, body, net.secrets[net.nodes[proposer].id].Sign(payload))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func push(t *testing.T, b *block.Block) []byte {
	return frameOf(t, &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_PushQuery{PushQuery: &enginev1.PushQuery{Container: b.Bytes()}}})
}

func chits(t *testing.T, id primitives.Hash) []byte {
	return frameOf(t, &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Chits{Chits: &enginev1.Chits{PreferredId: id[:], PreferredIdAtHeight: id[:], AcceptedId: make([]byte, 32)}}})
}

// Two blocks compete; node 1 asks about the one, node 2 about the other.
func TestLiarsAnswerAsTheirKindDoes(t *testing.T) {
	for _, c := range []struct {
		kind     lie
		one, two func(a, b primitives.Hash) primitives.Hash // what nodes 1 and 2 hear
	}{
		{flatter, func(a, _ primitives.Hash) primitives.Hash { return a }, func(_, b primitives.Hash) primitives.Hash { return b }},
		{opposite, func(_, b primitives.Hash) primitives.Hash { return b }, func(a, _ primitives.Hash) primitives.Hash { return a }},
		{perAsker, func(_, b primitives.Hash) primitives.Hash { return b }, func(a, _ primitives.Hash) primitives.Hash { return a }},
	} {
		net := stage(t, c.kind)
		a, b := signedBlock(t, net, 3, 0), signedBlock(t, net, 4, 1)
		net.tap(1, 0, 0, push(t, a))
		net.tap(2, 0, 0, push(t, b))
		for asker, want := range map[int]primitives.Hash{1: c.one(a.ID(), b.ID()), 2: c.two(a.ID(), b.ID())} {
			m, ok := readFrame(net.tap(0, asker, 0, chits(t, primitives.Hash{9})))
			if got, _ := hashAt(m.body, chitsPreferred); !ok || got != want {
				t.Errorf("%v: node %d hears %s, want %s", c.kind, asker, got.Short(), want.Short())
			}
		}
		if net.count.Lies != 2 {
			t.Errorf("%v: %d lies were counted", c.kind, net.count.Lies)
		}
	}
}

func TestASilentLiarSaysNothing(t *testing.T) {
	net := stage(t, silent)
	if frame := net.tap(0, 1, 0, chits(t, primitives.Hash{9})); frame != nil {
		t.Errorf("it says %x", frame)
	}
}

func TestTwinsAreTwoValidBlocksForOnePlace(t *testing.T) {
	net := stage(t, twins)
	b := signedBlock(t, net, 0, 0)
	m, _ := readFrame(net.tap(0, 1, 0, push(t, b)))
	twin, err := block.Decode(net.chain, field(m.body, container))
	if err != nil || twin.ID() == b.ID() || twin.Height != b.Height || twin.Slot != b.Slot || !twin.Verify(net.chain, net.set.At(0).Key) {
		t.Errorf("node 1 is shown %v, %v", twin, err)
	}
	m, _ = readFrame(net.tap(0, 2, 0, push(t, b)))
	if string(field(m.body, container)) != string(b.Bytes()) {
		t.Error("node 2 isn't shown the block itself")
	}
	if len(net.violations) > 0 {
		t.Errorf("a liar is held to the rules: %+v", net.violations)
	}
}

// An honest node is held to the rules.
func TestWhatHonestNodesSayIsChecked(t *testing.T) {
	net := stage(t, truth)
	for _, slot := range []struct{ time uint64 }{{1}, {2}} {
		h, body := block.Header{Height: 1, Parent: net.final[0], Time: slot.time, Proposer: 3}, block.Body(nil, []byte("vm"))
		payload, err := h.Payload(net.chain, primitives.HashOf(body)).Encode()
		if err != nil {
			t.Fatal(err)
		}
		b, err := block.New(net.chain, h, body, net.secrets[net.nodes[3].id].Sign(payload))
		if err != nil {
			t.Fatal(err)
		}
		net.tap(2, 1, 0, push(t, b))
	}
	if len(net.violations) != 1 || net.violations[0].Invariant != "signatures" {
		t.Errorf("two blocks of one key for one place: %+v", net.violations)
	}
	net.violations = nil
	net.nodes[1].chain.ids = []primitives.Hash{{0xff}}
	net.tap(1, 2, 0, frameOf(t, &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Chits{Chits: &enginev1.Chits{AcceptedId: make([]byte, 32), AcceptedHeight: 7}}}))
	if len(net.violations) != 1 || net.violations[0].Invariant != "E3" {
		t.Errorf("a vote above what is durable: %+v", net.violations)
	}
}

func TestTwoBlocksAtOneHeightAreFoundOut(t *testing.T) {
	net := stage(t, truth)
	net.agree(net.nodes[1], 1, primitives.Hash{1})
	net.agree(net.nodes[2], 1, primitives.Hash{1})
	net.agree(net.nodes[0], 1, primitives.Hash{2}) // a liar
	if len(net.violations) > 0 {
		t.Fatalf("%+v", net.violations)
	}
	net.agree(net.nodes[3], 1, primitives.Hash{2})
	if len(net.violations) != 1 || net.violations[0].Invariant != "E1" {
		t.Errorf("%+v", net.violations)
	}
}
