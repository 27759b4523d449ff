package byzantine

import (
	"crypto/ed25519"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/internal/process/keys"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// A fixture is a liar among four validators, whose messages to the others are kept.
type fixture struct {
	*liar
	t    *testing.T
	said map[primitives.NodeID][]proto.Message
	raws int
	loop *clock
}

// clock is a loop whose timers run when the test says so.
type clock struct {
	rng   *rand.Rand
	later []func()
	waits []time.Duration
}

func (c *clock) Rand() *rand.Rand { return c.rng }

func (c *clock) After(d time.Duration, f func()) func() {
	c.later, c.waits = append(c.later, f), append(c.waits, d)
	return func() {}
}

var chain = block.Chain{NetworkID: 7, ID: primitives.HashOf([]byte("chain"))}

func newFixture(t *testing.T, kind Kind) *fixture {
	t.Helper()
	var members []validators.Validator
	secret := map[primitives.NodeID]keys.Secret{}
	for i := range 4 {
		s := keys.FromSeed(keys.Signing, [32]byte{byte(i + 1)})
		node, public := primitives.NodeID{byte(i + 1)}, s.Public()
		secret[node] = s
		members = append(members, validators.Validator{Node: node, Key: public[:], Stake: 1})
	}
	set, err := validators.New(members)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, said: map[primitives.NodeID][]proto.Message{}, loop: &clock{rng: rand.New(rand.NewPCG(1, 2))}}
	f.liar = newLiar(liar{
		kind: kind, chain: chain, set: set, self: 3, secret: secret[set.At(3).Node], loop: f.loop,
		send: func(to []primitives.NodeID, m proto.Message) {
			for _, n := range to {
				f.said[n] = append(f.said[n], m)
			}
		},
		raw: func(primitives.NodeID, []byte) { f.raws++ },
	})
	f.stands(1)
	return f
}

func (f *fixture) others() (nodes []primitives.NodeID) {
	for i := range 3 {
		nodes = append(nodes, f.set.At(i).Node)
	}
	return nodes
}

// block is one of the liar's own, or of validator i.
func (f *fixture) block(proposer int, content string) *block.Block {
	f.t.Helper()
	h := block.Header{Height: 1, Parent: primitives.Hash{9}, Time: 1000, Proposer: uint32(proposer)}
	body := block.Body(nil, []byte(content))
	payload, err := h.Payload(chain, primitives.HashOf(body)).Encode()
	if err != nil {
		f.t.Fatal(err)
	}
	b, err := block.New(chain, h, body, f.secret.Sign(payload))
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

func (f *fixture) vote(p finality.Phase, id primitives.Hash) *enginev1.Votes {
	v := SignVote(chain, f.secret, 1, finality.Vote{Validator: f.self, Phase: p, Block: id})
	return &enginev1.Votes{Height: 1, Votes: []*enginev1.Vote{v}}
}

func (f *fixture) key() ed25519.PublicKey { return f.set.At(f.self).Key }

// heard is what a peer heard last, and forgets it.
func heard[M proto.Message](f *fixture, n primitives.NodeID) (m M) {
	f.t.Helper()
	list := f.said[n]
	if len(list) == 0 {
		f.t.Fatalf("%s heard nothing", n.Short())
	}
	m, ok := list[len(list)-1].(M)
	if !ok {
		f.t.Fatalf("%s heard %v", n.Short(), list)
	}
	f.said[n] = nil
	return m
}

// holds makes sure that a vote is signed by the liar, and returns its block.
func (f *fixture) holds(m *enginev1.Votes) primitives.Hash {
	f.t.Helper()
	v := m.GetVotes()[0]
	s := finality.Signed{Vote: finality.Vote{
		Validator: int(v.GetValidator()), Round: v.GetRound(), Phase: finality.Phase(v.GetPhase()), Block: blockOf(v),
	}}
	copy(s.Signature[:], v.GetSignature())
	if !finality.VerifyVote(chain.NetworkID, chain.ID, m.GetHeight(), f.set, s) {
		f.t.Errorf("the vote doesn't hold: %v", v)
	}
	return s.Block
}

func TestAnEquivocatorHasTwoBlocksAndTwoVotesForOnePlace(t *testing.T) {
	f := newFixture(t, Equivocate)
	b := f.block(3, "content")
	f.Says(f.others(), &enginev1.PushQuery{RequestId: 5, Container: b.Bytes()})
	blocks := map[primitives.Hash]*block.Block{}
	for _, n := range f.others() {
		got, err := block.Decode(chain, heard[*enginev1.PushQuery](f, n).GetContainer())
		if err != nil || !got.Verify(chain, f.key()) || got.Slot != b.Slot || got.Height != b.Height {
			t.Fatalf("%v, %v", got, err)
		}
		blocks[got.ID()] = got
	}
	if len(blocks) != 2 || blocks[b.ID()] == nil {
		t.Fatalf("the others see %d blocks", len(blocks))
	}
	delete(blocks, b.ID())
	for id, twin := range blocks { // whoever hears of it gets it
		n := f.others()[0]
		f.Hears(n, &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Get{Get: &enginev1.Get{RequestId: 8,
			ContainerId: id[:]}}})
		if put := heard[*enginev1.Put](f, n); put.GetRequestId() != 8 ||
			string(put.GetContainer()) != string(twin.Bytes()) {
			t.Errorf("asked for the twin it sends %v", put)
		}
	}
	for _, p := range []finality.Phase{finality.Prepare, finality.Commit} {
		votes := map[primitives.Hash]bool{}
		f.Says(f.others(), f.vote(p, b.ID()))
		for _, n := range f.others() {
			votes[f.holds(heard[*enginev1.Votes](f, n))] = true
		}
		if len(votes) != 2 || votes[finality.None] {
			t.Errorf("%s: the others hear of %d blocks", p, len(votes))
		}
	}
}

func TestOthersVotesAndBlocksAreHandedOnAsTheyAre(t *testing.T) {
	for _, kind := range []Kind{Equivocate, Flatter, Oppose} {
		f := newFixture(t, kind)
		theirs := &enginev1.Votes{Height: 1, Votes: []*enginev1.Vote{{Validator: 1, Signature: make([]byte, 64)}}}
		push := &enginev1.PushQuery{Container: f.block(1, "theirs").Bytes()}
		for _, m := range []proto.Message{theirs, push, &enginev1.GetVotes{Height: 4}} {
			f.Says(f.others(), m)
			for _, n := range f.others() {
				if got := heard[proto.Message](f, n); !proto.Equal(got, m) {
					t.Errorf("%s: %v becomes %v", kind, m, got)
				}
			}
		}
	}
}

// Node 0 is for the first block, node 1 for the second.
func twoBlocks(f *fixture) [2]*block.Block {
	two := [2]*block.Block{f.block(0, "first"), f.block(1, "second")}
	for i, b := range two {
		push := &enginev1.PushQuery{Container: b.Bytes()}
		f.Hears(f.others()[i], &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_PushQuery{PushQuery: push}})
	}
	return two
}

func TestAFlattererAgreesWithEverybody(t *testing.T) {
	f := newFixture(t, Flatter)
	for i, b := range twoBlocks(f) {
		n, id := f.others()[i], b.ID()
		f.Says([]primitives.NodeID{n},
			&enginev1.Chits{RequestId: 3, PreferredId: make([]byte, 32), AcceptedId: make([]byte, 32)})
		if c := heard[*enginev1.Chits](f, n); string(c.GetPreferredId()) != string(id[:]) || c.GetRequestId() != 3 {
			t.Errorf("node %d hears %v", i, c)
		}
		theirs := &enginev1.Vote{Validator: uint32(i), Phase: enginev1.Phase_PHASE_PREPARE, BlockId: id[:]}
		in := &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Votes{Votes: &enginev1.Votes{Height: 1,
			Votes: []*enginev1.Vote{theirs}}}}
		f.Hears(n, in)
		back := heard[*enginev1.Votes](f, n)
		if len(back.GetVotes()) != 2 || f.holds(back) != id {
			t.Errorf("node %d votes and hears %v", i, back)
		}
		f.Hears(n, in) // again
		if len(f.said[n]) > 0 {
			t.Errorf("one vote is answered twice: %v", f.said[n])
		}
		f.Says([]primitives.NodeID{n}, f.vote(finality.Prepare, finality.None))
		if got := f.holds(heard[*enginev1.Votes](f, n)); got != id {
			t.Errorf("node %d gets a vote for %s", i, got.Short())
		}
	}
}

func TestWhoOpposesIsForAnotherBlockAndSaysTheSameToAll(t *testing.T) {
	f := newFixture(t, Oppose)
	two := twoBlocks(f)
	for i := range two {
		n, other := f.others()[i], two[1-i].ID()
		f.Says([]primitives.NodeID{n}, &enginev1.Chits{PreferredId: make([]byte, 32), AcceptedId: make([]byte, 32)})
		if c := heard[*enginev1.Chits](f, n); string(c.GetPreferredId()) != string(other[:]) {
			t.Errorf("node %d hears %v", i, c)
		}
	}
	f.Says(f.others(), f.vote(finality.Prepare, two[0].ID()))
	for _, n := range f.others() {
		if got := f.holds(heard[*enginev1.Votes](f, n)); got != two[1].ID() {
			t.Errorf("%s gets a vote for %s", n.Short(), got.Short())
		}
	}
	f.Says(f.others(), f.vote(finality.Commit, primitives.Hash{1}))
	f = newFixture(t, Oppose)
	f.Says(f.others(), f.vote(finality.Commit, primitives.Hash{1})) // no other block is known
	if got := f.holds(heard[*enginev1.Votes](f, f.others()[0])); got != finality.None {
		t.Errorf("it votes for %s", got.Short())
	}
}

func TestWhoWaitsSaysTheTruthLater(t *testing.T) {
	f := newFixture(t, Wait)
	for _, m := range []proto.Message{
		f.vote(finality.Prepare, primitives.Hash{1}), &enginev1.Chits{RequestId: 1}, &enginev1.PushQuery{RequestId: 2},
	} {
		f.Says(f.others(), m)
		if len(f.said) > 0 || len(f.loop.later) != 3 {
			t.Fatalf("at once they hear %v", f.said)
		}
		for _, d := range f.loop.waits {
			if d < 50*time.Millisecond || d > 2*time.Second {
				t.Errorf("%T waits for %v", m, d)
			}
		}
		for _, do := range f.loop.later {
			do()
		}
		for _, n := range f.others() {
			if got := heard[proto.Message](f, n); !proto.Equal(got, m) {
				t.Errorf("%v becomes %v", m, got)
			}
		}
		f.loop.later, f.loop.waits, f.said = nil, nil, map[primitives.NodeID][]proto.Message{}
	}
}

func TestWhoIsSilentSaysNothing(t *testing.T) {
	f := newFixture(t, Silent)
	two := twoBlocks(f)
	f.Says(f.others(), f.vote(finality.Prepare, two[0].ID()))
	f.Says(f.others(), &enginev1.PushQuery{Container: f.block(3, "mine").Bytes()})
	if len(f.said) > 0 || len(f.loop.later) > 0 {
		t.Errorf("they hear %v", f.said)
	}
}

func TestGarbageIsNearlyAlwaysAnotherMessageAndSometimesNone(t *testing.T) {
	f := newFixture(t, Garbage)
	same, m := 0, f.vote(finality.Prepare, primitives.Hash{1})
	before := proto.Clone(m)
	for range 1000 {
		f.Says(f.others()[:1], m)
	}
	for _, got := range f.said[f.others()[0]] {
		if proto.Equal(got, before) {
			same++
		}
	}
	if n := len(f.said[f.others()[0]]); same > n/2 || f.raws == 0 || n+f.raws != 1000 {
		t.Errorf("%d messages, %d of them as they were, and %d of noise", n, same, f.raws)
	}
	if !proto.Equal(m, before) {
		t.Error("the engine's own message was changed")
	}
}

// What it notes of the others is bounded.
func TestALiarForgetsWhatIsPast(t *testing.T) {
	f := newFixture(t, Flatter)
	for height := range uint64(500) {
		f.stands(height + 1)
		h := block.Header{Height: height + 1, Proposer: 3}
		b, err := block.New(chain, h, block.Body(nil, []byte("b")), make([]byte, 64))
		if err != nil {
			t.Fatal(err)
		}
		f.Says(f.others(), &enginev1.PushQuery{Container: b.Bytes()})
		v := &enginev1.Votes{Height: height + 1,
			Votes: []*enginev1.Vote{{Validator: 0, Phase: enginev1.Phase_PHASE_PREPARE}}}
		f.Hears(f.others()[0], &enginev1.PeerMessage{Kind: &enginev1.PeerMessage_Votes{Votes: v}})
	}
	if len(f.twins) > 2*(keepTwins+2) || len(f.knows.blocks) > 4 || len(f.knows.voted) > 2 || len(f.answers) > 2 {
		t.Errorf("%d twins, %d blocks, %d votes, %d answers", len(f.twins), len(f.knows.blocks), len(f.knows.voted),
			len(f.answers))
	}
}

func TestAKindIsReadAndDescribed(t *testing.T) {
	for _, k := range Kinds {
		if got, err := Parse(string(k)); err != nil || got != k || k.Describe() == "" {
			t.Errorf("%s: %v, %q", k, err, k.Describe())
		}
	}
	if _, err := Parse("honest"); err == nil {
		t.Error("an honest liar is taken")
	}
}
