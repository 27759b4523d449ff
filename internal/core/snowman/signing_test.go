package snowman

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/finality"
)

// A node whose record ends below the height at which its key voted last doesn't forget where that was: until it has
// caught up the keystore refuses its votes, and its status says why.
func TestWhereTheKeyHasVotedLastIsKnownUntilItVotesAgain(t *testing.T) {
	vote := func(round uint32) finality.Signed {
		return finality.Signed{Vote: finality.Vote{Round: round, Phase: finality.Prepare}}
	}
	c, now := testCore(t, 4)
	c.deciding.own = ownVotes{height: 9, votes: []finality.Signed{vote(2)}}
	c.Tick(now)
	if own := c.deciding.own.at(c.deciding.height); len(own) != 0 || c.Status().OwnHeight != 9 {
		t.Errorf("at height %d it has %d votes; the key's last height is %d", c.deciding.height, len(own),
			c.Status().OwnHeight)
	}
	o := &c.deciding.own
	o.add(10, vote(0))
	o.add(10, vote(1))
	if len(o.at(9)) != 0 || len(o.at(10)) != 2 || o.height != 10 {
		t.Errorf("after two votes at height 10: %+v", o)
	}
}
