package consensus

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/validatornet"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/validators"
	store "github.com/reevenet/reeve/internal/store/evidence"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	"github.com/reevenet/reeve/services/networkbridge/memnet"
)

// fixture is a network of five that hasn't begun, with node 0 a liar.
func fixture(t *testing.T, kind Lie) *chain {
	t.Helper()
	net, err := newNetwork(sim.NewWorld(sim.Config{Nodes: 5, Calm: true}, 1),
		Config{tune: func(n *network) { n.equal(5) }})
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		net.lies.begin(net.World.RNG("test"), kind, 0)
	}
	c := net.chains[0]
	c.final = []primitives.Hash{{0xff}}
	return c
}

func (c *chain) violations() []sim.Violation { return c.net.World.Violations }

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
	b, err := block.New(c.id, h, body, c.net.Secrets[c.replicas[h.Proposer].node.ID].Sign(payload))
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
	if twin.ID() == b.ID() || twin.Height != b.Height || twin.Slot != b.Slot ||
		!twin.Verify(c.id, c.net.Set.At(0).Key) {
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

// Whatever the stakes: liars have less than a third together, and nobody could join them.
func TestLiarsHaveLessThanAThirdOfTheStakeAndNoLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stakes := rapid.SliceOfN(rapid.Uint64Range(1, 1000), 1, 30).Draw(t, "stakes")
		var members []validators.Validator
		for i, stake := range stakes {
			members = append(members, validators.Validator{Node: primitives.NodeID{byte(i)}, Stake: stake})
		}
		set, err := validators.New(members)
		if err != nil {
			t.Fatal(err)
		}
		net := &network{size: len(stakes), Net: validatornet.Net{Set: set}}
		lying, total := uint64(0), set.TotalStake()
		lies := map[int]bool{}
		for _, i := range (&liars{net: net}).most(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))) {
			lying, lies[i] = lying+set.StakeOf(i), true
		}
		if 3*lying >= total {
			t.Fatalf("%d of %d lie", lying, total)
		}
		for i := range stakes {
			if !lies[i] && 3*(lying+set.StakeOf(i)) < total {
				t.Fatalf("%d of %d lie, and node %d with %d doesn't", lying, total, i, set.StakeOf(i))
			}
		}
		if len(stakes) < 4 && slices.Min(stakes) == slices.Max(stakes) && lying > 0 {
			t.Fatalf("one of %d equal ones lies", len(stakes))
		}
	})
}

// voted is a frame with one vote of a node, and the vote that is in one.
func voted(t *testing.T, c *chain, from int, b primitives.Hash, phase enginev1.Phase) []byte {
	vote := &enginev1.Vote{Phase: phase, BlockId: b[:]}
	votes := &enginev1.Votes{Height: 1, Votes: []*enginev1.Vote{
		c.net.lies.ballots.sign(c.replicas[from], 1, vote, b),
	}}
	return frameOf(t, c.id.ID, &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Votes{Votes: votes}})
}

// blocksOf are the blocks that a liar's votes are for. They have to be signed by the liar.
func blocksOf(t *testing.T, c *chain, votes []*enginev1.Vote) (blocks []primitives.Hash) {
	t.Helper()
	for _, v := range votes {
		b, ok := blockOf(v)
		signed := finality.Signed{
			Vote:      finality.Vote{Round: v.GetRound(), Phase: signbytes.Phase(v.GetPhase()), Block: b},
			Signature: [64]byte(v.GetSignature()),
		}
		if !ok || v.GetValidator() != 0 || !finality.VerifyVote(c.id.NetworkID, c.id.ID, 1, c.net.Set, signed) {
			t.Errorf("%v isn't a vote of node 0", v)
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// Two blocks compete; nodes 1 and 2 vote for one each, and the liar, node 0, would vote for the first.
func TestLiarsVoteAsTheirKindDoes(t *testing.T) {
	for kind, hear := range map[Lie]func(a, b primitives.Hash) [2][]primitives.Hash{
		Flatter:    func(a, b primitives.Hash) [2][]primitives.Hash { return [2][]primitives.Hash{{a}, {b}} },
		Oppose:     func(a, b primitives.Hash) [2][]primitives.Hash { return [2][]primitives.Hash{{b}, {a}} },
		Split:      func(a, _ primitives.Hash) [2][]primitives.Hash { return [2][]primitives.Hash{{a}, {a}} },
		Equivocate: func(a, b primitives.Hash) [2][]primitives.Hash { return [2][]primitives.Hash{{b, a}, {a, b}} },
		Silent:     func(primitives.Hash, primitives.Hash) (nothing [2][]primitives.Hash) { return nothing },
	} {
		c := fixture(t, kind)
		a, b := signedBlock(t, c, 3, 0), signedBlock(t, c, 4, 1)
		c.net.tap(1, 3, 0, push(t, c, a))
		c.net.tap(2, 3, 0, push(t, c, b))
		c.net.tap(1, 3, 0, voted(t, c, 1, a.ID(), enginev1.Phase_PHASE_PREPARE))
		c.net.tap(2, 3, 0, voted(t, c, 2, b.ID(), enginev1.Phase_PHASE_PREPARE))
		var got [2][]primitives.Hash
		for i, to := range []int{1, 2} {
			frame := c.net.tap(0, to, 0, voted(t, c, 0, a.ID(), enginev1.Phase_PHASE_PREPARE))
			if m := readFrame(frame); m != nil {
				got[i] = blocksOf(t, c, m.GetVotes().GetVotes())
			}
		}
		if diff := cmp.Diff(hear(a.ID(), b.ID()), got); diff != "" {
			t.Errorf("%s: nodes 1 and 2 hear something else:\n%s", kind, diff)
		}
		if _, heard := c.votes.given[ballot{of: 0, height: 1, phase: signbytes.Prepare}]; heard {
			t.Errorf("%s: a liar is held to its votes", kind)
		}
	}
}

// A flatterer gives whoever votes for a block the votes for it that he may need, once.
func TestAFlattererVotesBack(t *testing.T) {
	c := fixture(t, Flatter)
	b := signedBlock(t, c, 3, 0).ID()
	m := readFrame(voted(t, c, 1, b, enginev1.Phase_PHASE_PREPARE))
	c.votes.onVotes(c.replicas[1], m.GetVotes())
	back := c.net.lies.ballots.back(Flatter, c.replicas[1], 0, m.GetVotes())
	if len(back) != 2 || back[0].GetPhase() == back[1].GetPhase() {
		t.Errorf("it votes back %v", back)
	}
	blocksOf(t, c, back)
	if again := c.net.lies.ballots.back(Flatter, c.replicas[1], 0, m.GetVotes()); len(again) > 0 {
		t.Errorf("it votes back again: %v", again)
	}
}

// Who waits answers later, and earlier when somebody else turns out to be for something else.
func TestWhoWaitsAnswersWhenItHurts(t *testing.T) {
	for _, eager := range []bool{false, true} {
		c := fixture(t, Wait)
		var ids []primitives.NodeID
		for _, r := range c.replicas {
			ids = append(ids, r.node.ID)
		}
		c.net.World.Network = memnet.New(memnet.Config{Scheduler: c.net.World.Clock, Nodes: ids})
		late := &c.net.lies.late
		late.eager = eager
		a, b := signedBlock(t, c, 3, 0), signedBlock(t, c, 4, 1)
		c.net.tap(1, 0, 0, push(t, c, a))
		if frame := c.net.tap(0, 1, 0, chits(t, c, honest(primitives.Hash{9}))); frame != nil || len(late.held) != 1 {
			t.Fatalf("it says %x at once, and %d later", frame, len(late.held))
		}
		c.net.tap(2, 0, 0, push(t, c, b))
		if left := len(late.held); (left == 0) != eager {
			t.Errorf("eager %v: %d are held when it hurts", eager, left)
		}
		c.net.World.Clock.Run(mostHeld, func() bool { return false })
		if len(late.held) > 0 {
			t.Error("it never answers")
		}
	}
}

// Whatever is garbled: it is something else, the same for the same luck, and never stops the simulation.
func TestGarbageIsGarbage(t *testing.T) {
	c := fixture(t, Garbage)
	b := signedBlock(t, c, 3, 0)
	frames := [][]byte{
		push(t, c, b), chits(t, c, honest(b.ID())), voted(t, c, 0, b.ID(), enginev1.Phase_PHASE_COMMIT),
		frameOf(t, c.id.ID, &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Ancestors_{
			Ancestors_: &enginev1.Ancestors{Containers: [][]byte{b.Bytes()}},
		}}),
		{1, 2, 3},
	}
	changed := 0
	for seed := range uint64(500) {
		for _, frame := range frames {
			got := garble(rand.New(rand.NewPCG(seed, 1)), frame)
			if again := garble(rand.New(rand.NewPCG(seed, 1)), frame); !bytes.Equal(got, again) {
				t.Fatal("the same luck garbles differently")
			}
			if !bytes.Equal(got, frame) {
				changed++
			}
		}
	}
	if changed < 1500 {
		t.Errorf("%d of %d were garbled", changed, 500*len(frames))
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
	c.net.World.Violations = nil
	c.net.tap(2, 1, 0, voted(t, c, 2, primitives.Hash{1}, enginev1.Phase_PHASE_PREPARE))
	c.net.tap(2, 1, 0, voted(t, c, 2, primitives.Hash{1}, enginev1.Phase_PHASE_PREPARE))
	c.net.tap(2, 1, 0, voted(t, c, 2, primitives.Hash{2}, enginev1.Phase_PHASE_COMMIT))
	if len(c.violations()) > 0 {
		t.Errorf("votes as they should be: %+v", c.violations())
	}
	c.net.tap(2, 1, 0, voted(t, c, 2, primitives.Hash{2}, enginev1.Phase_PHASE_PREPARE))
	if len(c.violations()) != 1 || c.violations()[0].Invariant != "signatures" {
		t.Errorf("two votes of one key for one place: %+v", c.violations())
	}
	c.net.World.Violations = nil
	c.replicas[1].IDs = []primitives.Hash{{0xff}}
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
			against, err := evidenceOf(r)
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

// evidenceOf is what a node has on its disk, by whom it is against.
func evidenceOf(r *replica) (map[int]int, error) {
	files, err := store.List(r.node.Disk.Process(), validatornet.EvidenceDir+r.chain.genesis.Name)
	against := map[int]int{}
	for _, f := range files {
		if f.Err != nil {
			return nil, f.Err
		}
		who, err := f.Evidence.Check(validatornet.Number, r.chain.id.ID, r.chain.net.Set)
		if err != nil {
			return nil, err
		}
		against[who]++
	}
	return against, err
}
