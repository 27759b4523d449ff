package snowman

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/snowball"
)

// testCore is the first of so many validators, all connected. It takes every signature for good.
func testCore(t *testing.T, size int) (c *Core, now time.Time) {
	t.Helper()
	set := testSet(t, size)
	now = time.Unix(1_000_000, 0)
	c, err := New(Config{
		Chain: testChain, Self: node(0), Validators: set, Parameters: snowball.For(set.Units()), Rand: testRand(),
		VerifySignature: func(*block.Block, ed25519.PublicKey) bool { return true },
	}, testRoot, now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range size - 1 {
		c.Step(now, PeerConnected{Node: node(i + 1)})
	}
	return c, now
}

// issue has a block on the root verified, and returns it with what follows.
func (c *Core) issue(t *testing.T, now time.Time, size int) (*block.Block, []Action) {
	t.Helper()
	b := c.issuing.next(t, testRoot, size)
	out := c.Step(now, PushQuery{Node: node(1), RequestID: 1, Container: b.Bytes(), Height: 1})
	return b, append(out, c.Step(now, Verified{ID: b.ID()})...)
}

// query is the first query among actions.
func query(t *testing.T, actions []Action) SendPullQuery {
	t.Helper()
	for _, a := range actions {
		if q, ok := a.(SendPullQuery); ok {
			return q
		}
	}
	t.Fatal("nobody is asked")
	return SendPullQuery{}
}

func gets(actions []Action) (ids []primitives.Hash) {
	for _, a := range actions {
		if g, ok := a.(SendGet); ok {
			ids = append(ids, g.ID)
		}
	}
	return ids
}

func TestBothUnknownBlocksOfAVoteAreFetched(t *testing.T) {
	c, now := testCore(t, 4)
	c.issue(t, now, 10)
	_, out := c.issue(t, now, 11) // a rival, so a poll is needed
	vote := Chits{
		Node: node(1), RequestID: query(t, out).RequestID, Preferred: primitives.Hash{98},
		PreferredAt: primitives.Hash{97},
		Accepted:    testRoot.ID,
	}
	if got := gets(c.Step(now, vote)); len(got) != 2 || got[0] != vote.Preferred || got[1] != vote.PreferredAt {
		t.Errorf("fetched: %v", got)
	}
}

func TestTheLastAcceptedBlockOfAVoterThatLagsIsntFetched(t *testing.T) {
	c, now := testCore(t, 4)
	c.issue(t, now, 10)
	_, out := c.issue(t, now, 11)
	old := primitives.Hash{98}
	vote := Chits{Node: node(1), RequestID: query(t, out).RequestID, Preferred: old, PreferredAt: old, Accepted: old}
	if got := gets(c.Step(now, vote)); len(got) != 0 {
		t.Errorf("fetched: %v", got)
	}
}

// Three of four have accepted a block, said so, and then say nothing any more: that is what they vote for.
func TestAVoterThatFailsToAnswerVotesForWhatItHasAccepted(t *testing.T) {
	for _, said := range []bool{false, true} {
		c, now := testCore(t, 4)
		first, _ := c.issue(t, now, 10)
		rival, _ := c.issue(t, now, 11)
		if tip, _ := c.tree.Preference(); tip != first.ID() {
			t.Fatal("the first block isn't preferred")
		}
		for i := range 3 {
			if said {
				c.roster.reported(node(i+1), rival.ID(), 1)
			}
		}
		for range 10 {
			now = now.Add(time.Second)
			c.Tick(now)
		}
		if tip, _ := c.tree.Preference(); (tip == rival.ID()) != said {
			t.Errorf("they said so %v, and this node prefers the rival %v", said, tip == rival.ID())
		}
	}
}

func TestWhoIsGoneVotesForNothing(t *testing.T) {
	c, now := testCore(t, 4)
	first, _ := c.issue(t, now, 10)
	_, out := c.issue(t, now, 11)
	id := query(t, out).RequestID
	c.roster.reported(node(1), first.ID(), 1)
	c.Step(now, PeerDisconnected{Node: node(1)})
	if vote := c.votes.lastOf(c.roster.peers[node(1)]); !vote.IsZero() {
		t.Errorf("it votes for %s", vote.Short())
	}
	if _, open := c.asking.failed(node(1), id, requests.Chits); open {
		t.Error("its answer is still waited for")
	}
}
