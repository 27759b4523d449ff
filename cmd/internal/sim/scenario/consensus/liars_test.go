package consensus

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// fixture is a network of five that hasn't begun, with node 0 a liar.
func fixture(t *testing.T, kind Lie) *chain {
	t.Helper()
	net, err := newNetwork(sim.NewWorld(sim.Config{Nodes: 5, Calm: true}, 1), Config{tune: func(n *network) { n.equal(5) }})
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		net.lies.begin(net.world.RNG("test"), kind, 0)
	}
	c := net.chains[0]
	c.final = []primitives.Hash{{0xff}}
	return c
}

func (c *chain) violations() []sim.Violation { return c.net.world.Violations }

func signedBlock(t *testing.T, c *chain, proposer int, slot uint64) *block.Block {
	return sign(t, c, block.Header{Height: 1, Parent: c.final[0], Slot: slot, Proposer: uint32(proposer)})
}

func sign(t *testing.T, c *chain, h block.Header) *block.Block {
	t.Helper()
	body := block.Body(nil, []byte("vm"))
	payload, err := h.Payload(c.id, primitives.HashOf(body)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := block.New(c.id, h, body, c.net.secrets[c.replicas[h.Proposer].node.ID].Sign(payload))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func push(t *testing.T, c *chain, b *block.Block) []byte {
	query := &enginev1.PushQuery{Container: b.Bytes()}
	return frameOf(t, c.id.ID, &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_PushQuery{PushQuery: query}})
}

func chits(t *testing.T, c *chain, vote *enginev1.Chits) []byte {
	return frameOf(t, c.id.ID, &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Chits{Chits: vote}})
}

// honest is how somebody votes who has accepted nothing.
func honest(id primitives.Hash) *enginev1.Chits {
	return &enginev1.Chits{PreferredId: id[:], PreferredIdAtHeight: id[:], AcceptedId: make([]byte, 32)}
}

// Two blocks compete; node 1 asks about the first, node 2 about the second.
func TestLiarsAnswerAsTheirKindDoes(t *testing.T) {
	for _, l := range []struct {
		kind     Lie
		one, two int // which block nodes 1 and 2 hear
	}{{Flatter, 0, 1}, {Oppose, 1, 0}, {Split, 0, 0}, {Equivocate, -1, -1}} {
		c := fixture(t, l.kind)
		blocks := [2]*block.Block{signedBlock(t, c, 3, 0), signedBlock(t, c, 4, 1)}
		c.net.tap(1, 0, 0, push(t, c, blocks[0]))
		c.net.tap(2, 0, 0, push(t, c, blocks[1]))
		for asker, want := range map[int]int{1: l.one, 2: l.two} {
			m := readFrame(c.net.tap(0, asker, 0, chits(t, c, honest(primitives.Hash{9}))))
			wanted := primitives.Hash{9} // the truth
			if want >= 0 {
				wanted = blocks[want].ID()
			}
			if got, _ := primitives.HashFrom(m.GetChits().GetPreferredId()); got != wanted {
				t.Errorf("%v: node %d hears %s, want block %d", l.kind, asker, got.Short(), want)
			}
		}
	}
}

func TestASilentLiarSaysNothing(t *testing.T) {
	c := fixture(t, Silent)
	if frame := c.net.tap(0, 1, 0, chits(t, c, honest(primitives.Hash{9}))); frame != nil {
		t.Errorf("it says %x", frame)
	}
}

func TestTwinsAreTwoValidBlocksForOnePlace(t *testing.T) {
	c := fixture(t, Equivocate)
	b := signedBlock(t, c, 0, 0)
	m := readFrame(c.net.tap(0, 2, 0, push(t, c, b)))
	twin, err := block.Decode(c.id, m.GetPushQuery().GetContainer())
	if err != nil {
		t.Fatal(err)
	}
	if twin.ID() == b.ID() || twin.Height != b.Height || twin.Slot != b.Slot || !twin.Verify(c.id, c.net.set.At(0).Key) {
		t.Errorf("node 2 is shown %v", twin)
	}
	m = readFrame(c.net.tap(0, 1, 0, push(t, c, b)))
	if string(m.GetPushQuery().GetContainer()) != string(b.Bytes()) {
		t.Error("node 1 isn't shown the block itself")
	}
	if len(c.violations()) > 0 {
		t.Errorf("a liar is held to the rules: %+v", c.violations())
	}
}

// An honest node is held to the rules.
func TestWhatHonestNodesSayIsChecked(t *testing.T) {
	c := fixture(t, Flatter)
	for time := range uint64(2) {
		b := sign(t, c, block.Header{Height: 1, Parent: c.final[0], Time: 1 + time, Proposer: 3})
		c.net.tap(2, 1, 0, push(t, c, b))
	}
	if len(c.violations()) != 1 || c.violations()[0].Invariant != "signatures" {
		t.Errorf("two blocks of one key for one place: %+v", c.violations())
	}
	c.net.world.Violations = nil
	c.replicas[1].ids = []primitives.Hash{{0xff}}
	c.net.tap(1, 2, 0, chits(t, c, &enginev1.Chits{AcceptedId: make([]byte, 32), AcceptedHeight: 7}))
	if len(c.violations()) != 1 || c.violations()[0].Invariant != "E3" {
		t.Errorf("a vote above what is durable: %+v", c.violations())
	}
}

func TestTwoBlocksAtOneHeightAreFoundOut(t *testing.T) {
	c := fixture(t, Flatter)
	c.agree(c.replicas[1], 1, primitives.Hash{1})
	c.agree(c.replicas[2], 1, primitives.Hash{1})
	c.agree(c.replicas[0], 1, primitives.Hash{2}) // a liar
	if len(c.violations()) > 0 {
		t.Fatalf("%+v", c.violations())
	}
	c.agree(c.replicas[3], 1, primitives.Hash{2})
	if len(c.violations()) != 1 || c.violations()[0].Invariant != "E1" {
		t.Errorf("%+v", c.violations())
	}
}

// A liar that signs twice is written down by every honest node, and no honest one is, whatever crashes and whatever
// disks fail meanwhile.
func TestWhoSignsTwiceIsWrittenDownByAll(t *testing.T) {
	for seed, cfg := range []sim.Config{{Nodes: 4, Calm: true}, {Nodes: 5}, {Nodes: 7}} {
		cfg.Duration = 8 * time.Second
		var net *network
		twice := func(n *network) {
			net = n
			n.equal(cfg.Nodes)
			begin := func(r *rand.Rand) { n.lies.begin(r, Equivocate, 1) }
			n.faults = []sim.Fault{{Name: "liars", Always: true, Begin: begin}}
		}
		out := sim.Run(cfg, New(Config{tune: twice}), uint64(seed))
		fails(t, out)
		for _, r := range net.chains[0].replicas {
			against, err := r.evidence()
			if err != nil {
				t.Fatal(err)
			}
			count := 0
			for who, faults := range against {
				if count += faults; !net.lies.is(who) {
					t.Errorf("seed %d: node %d has evidence against honest node %d", seed, r.node.Index, who)
				}
			}
			if count == 0 && !r.liar() {
				t.Errorf("seed %d: after %d lies node %d has no evidence", seed, out.Faults["lies"], r.node.Index)
			}
		}
	}
}
