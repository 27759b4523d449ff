package snowman

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// checking counts the signatures of votes that a core checks, and says whether they hold.
func (c *Core) checking(holds bool) *int {
	checked := 0
	c.deciding.genuine = func(uint64, finality.Signed) bool { checked++; return holds }
	return &checked
}

func aVote(validator int, round uint32, phase finality.Phase) finality.Signed {
	id := primitives.Hash{byte(round), byte(round >> 8), byte(round >> 16), byte(phase)}
	return finality.Signed{Vote: finality.Vote{Validator: validator, Round: round, Phase: phase, Block: id}}
}

func TestWhoSendsForgedVotesIsHeardOnceInAWhile(t *testing.T) {
	c, now := testCore(t, 4)
	checked := c.checking(false)
	for round := range uint32(100) {
		for _, n := range []int{1, 1, 2} {
			c.Step(now, Votes{Node: node(n), Height: 1, Votes: []finality.Signed{aVote(3, round%8, finality.Prepare)}})
		}
	}
	if *checked != 2 {
		t.Errorf("of two peers %d forged votes are checked", *checked)
	}
	c.Step(now.Add(muteTime), Votes{Node: node(1), Height: 1, Votes: []finality.Signed{aVote(3, 0, finality.Prepare)}})
	if *checked != 3 {
		t.Error("a while later nothing is heard")
	}
}

func TestWhoSendsForgedProofsIsHeardOnceInAWhile(t *testing.T) {
	c, now := testCore(t, 4)
	checked := c.checking(false)
	p := &finality.Proof{Round: 3, Phase: finality.Prepare, Block: primitives.Hash{9}}
	for i := range 3 {
		p.Votes = append(p.Votes, finality.Signature{Validator: i})
	}
	b := c.issuing.next(t, testRoot, 10)
	for range 100 {
		c.Step(now, Proof{Node: node(1), Proof: p.Encode(1)})
		c.Step(now, Certified{Node: node(1), Container: b.Bytes(), Certificate: p.Encode(1)})
	}
	if *checked != 1 {
		t.Errorf("%d signatures of forged proofs are checked", *checked)
	}
}

// A validator signs votes of rounds and heights that are far off as fast as it likes.
func TestOfVotesThatAreFarAheadFewAreCheckedInASecond(t *testing.T) {
	for what, far := range map[string]func(i uint32) (height uint64, round uint32){
		"rounds":  func(i uint32) (uint64, uint32) { return 1, 1000 + i },
		"heights": func(i uint32) (uint64, uint32) { return 2 + uint64(i), 0 },
	} {
		c, now := testCore(t, 4)
		checked := c.checking(true)
		vote := func(validator int, i uint32) {
			height, round := far(i)
			v := []finality.Signed{aVote(validator, round, finality.Prepare)}
			c.Step(now, Votes{Node: node(validator), Height: height, Votes: v})
		}
		for i := range uint32(1000) {
			vote(1, i)
		}
		if *checked != aheadPerSecond {
			t.Errorf("%s: %d votes are checked", what, *checked)
		}
		if vote(2, 0); *checked != aheadPerSecond+1 {
			t.Errorf("%s: another validator's isn't checked", what)
		}
		now = now.Add(time.Second)
		if vote(1, 2000); *checked != aheadPerSecond+2 {
			t.Errorf("%s: a second later none is checked", what)
		}
		if k, most := c.Status().Kept, MostKept(4); k.Votes > most.Votes || k.Votes == 0 && what == "heights" {
			t.Errorf("%s: %d votes are kept, at most %d", what, k.Votes, most.Votes)
		}
	}
}

func TestMoreVotesThanThereCanBeAreAFault(t *testing.T) {
	c, now := testCore(t, 4)
	checked := c.checking(true)
	in := Votes{Node: node(1), Height: 1}
	for i := range uint32(4*4 + 1) {
		in.Votes = append(in.Votes, aVote(1, i%8, finality.Prepare))
	}
	out := c.Step(now, in)
	if r, ok := out[0].(Report); !ok || r.Cost != costUndecodable || *checked != 0 {
		t.Errorf("%d are checked: %v", *checked, out)
	}
	in.Votes = in.Votes[1:]
	if c.Step(now, in); *checked == 0 {
		t.Error("as many as there can be aren't looked at")
	}
}

func TestAPeerIsHelpedOnceInAWhile(t *testing.T) {
	c, now := testCore(t, 4)
	c.checking(true)
	c.Step(now, Votes{Node: node(1), Height: 1, Votes: []finality.Signed{aVote(1, 0, finality.Prepare)}})
	helped := func(peer, count int) (times int) {
		for range count {
			for _, a := range c.Step(now, GetVotes{Node: node(peer), Height: 1}) {
				if v, ok := a.(SendVotes); ok && len(v.Nodes) == 1 {
					times++
				}
			}
		}
		return times
	}
	if got := helped(2, 100); got != 1 || helped(3, 1) != 1 {
		t.Errorf("of a hundred questions %d are answered, or another peer's isn't", got)
	}
	if now = now.Add(helpEvery); helped(2, 1) != 1 {
		t.Error("a while later it isn't helped")
	}
}

// The blocks that a liar's votes name are fetched on its own account.
func TestTheBlocksOfALiarsVotesTakeItsOwnFetches(t *testing.T) {
	c, now := testCore(t, 4)
	c.checking(true)
	for i := range uint32(8) {
		for _, p := range []finality.Phase{finality.Prepare, finality.Commit} { // handed on by an honest peer
			c.Step(now, Votes{Node: node(2), Height: 1, Votes: []finality.Signed{aVote(1, i, p)}})
		}
	}
	if c.fetching.uses[1] == 0 || c.fetching.uses[2] != 0 {
		t.Errorf("fetches, by account: %v", c.fetching.uses)
	}
}

// The VM makes nothing durable, and the network goes on. What it has decided comes with certificates, one by one.
func TestWhatIsDecidedWaitsForTheVMWithinABound(t *testing.T) {
	c, now := testCore(t, 4)
	c.checking(true)
	show := func(b *block.Block) []Action {
		p := &finality.Proof{Phase: finality.Commit, Block: b.ID()}
		for i := range 3 {
			p.Votes = append(p.Votes, finality.Signature{Validator: i})
		}
		return c.Step(now, Certified{Node: node(1), Container: b.Bytes(), Certificate: p.Encode(b.Height)})
	}
	blocks := chainOf(t, 4*window, 10)
	for _, b := range blocks {
		show(b)
	}
	if got := len(c.accepted.pending); got != window {
		t.Fatalf("%d decided blocks wait for the VM", got)
	}
	if next := c.Next(); next.Sub(now) < leastPause {
		t.Errorf("it wants to look again after %v", next.Sub(now))
	}
	c.Step(now, Committed{ID: blocks[0].ID()})
	if got := c.accepted.root.Height; got != window+1 {
		t.Errorf("one is durable, and %d are decided", got)
	}
}
