package engine

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/snowman"
)

// stillAfter is for how long something may wait for a block without any being built, issued or decided. It is longer
// than a few silent proposers take.
const stillAfter = 10 * time.Second

// stillText says that something waits and nothing is under way, and why not.
func (e *engine) stillText(s snowman.Status) string {
	if !e.driver.started() || e.stopped {
		return ""
	}
	still := e.driver.core.StandsStillFor(e.sub.Now())
	return when(still >= stillAfter, "something waits for a block, and for %.0f s none was built, issued or decided: %s",
		still.Seconds(), e.holdUp(s))
}

// holdUp is why no block is made here.
func (e *engine) holdUp(s snowman.Status) string {
	switch {
	case e.builder.trouble != "":
		return "none can be built here: " + e.builder.trouble
	case s.Building:
		return "the VM or the keystore has been asked for one and hasn't answered"
	case s.Ahead > proposer.MaxSkew:
		return e.clockText(s)
	case !s.EnoughStake:
		return "too few validators are connected"
	case s.CatchingUp:
		return "this node catches up"
	case !s.Pending:
		return "the VM calls for one, and then has nothing for it"
	}
	return "it is the turn of others, or a block that isn't decided is in the way"
}

// clockText says that the next block waits for this node's clock.
func (e *engine) clockText(s snowman.Status) string {
	if s.Ahead <= proposer.MaxSkew {
		return ""
	}
	return fmt.Sprintf("the chain's last block is %.0f s ahead of this node's clock: the next one waits until that has "+
		"caught up", s.Ahead.Seconds())
}
