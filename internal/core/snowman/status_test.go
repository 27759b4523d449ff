package snowman

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
)

// Nobody has the block that the others vote for, and this node's VM builds none. That is no idle chain.
func TestAHeightThatIsVotedOnAndGetsNoBlockStandsStill(t *testing.T) {
	set := testSet(t, 4)
	now := testTurn().now
	c, err := New(Config{
		Chain: testChain, Self: node(0), Validators: set, Parameters: snowball.For(set.Units()), Rand: testRand(),
		VerifyVote: func(uint64, finality.Signed) bool { return true },
	}, testRoot, now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		c.Step(now, PeerConnected{Node: node(i + 1)})
	}
	later := now.Add(time.Minute)
	c.Step(now, PendingTxs{})
	if d := c.UndecidedFor(later); d != 0 {
		t.Errorf("nobody has voted, and it counts %v", d)
	}
	for i := range 2 {
		v := finality.Vote{Validator: i + 1, Phase: finality.Prepare, Block: primitives.Hash{9}}
		c.Step(now, Votes{Node: node(i + 1), Height: 1, Votes: []finality.Signed{{Vote: v}}})
	}
	if d := c.UndecidedFor(later); d != time.Minute {
		t.Errorf("it counts %v", d)
	}
}
