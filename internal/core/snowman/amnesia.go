package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// amnesia is the state after a start. The node doesn't know what it voted for before, and a vote for a rival of that could undo what
// others have decided with its help. So at first it votes for nothing above its last accepted block: until a majority has shown it
// what to prefer, or all others have said what they prefer and it is one thing, or a while has passed in which so many others have
// been heard that few enough are left for a decision to hide behind. As long as somebody says that it has accepted more than this
// node has, there may be such a decision; but a liar may say so too, so that is respected for a limited time.
type amnesia struct {
	until time.Time // zero: over
	most  time.Time // while somebody is ahead
}

const (
	amnesiaTime = 3 * time.Second
	mostAmnesia = 15 * time.Second
)

func (a *amnesia) begin(c *Core) {
	if !c.cfg.FirstLife && c.validator >= 0 && c.cfg.Validators.UnitsOf(c.validator) < c.cfg.Validators.Units() {
		a.until, a.most = c.now.Add(amnesiaTime), c.now.Add(mostAmnesia)
	}
}

func (a *amnesia) next() (time.Time, bool) { return a.until, !a.until.IsZero() }

// remember ends the amnesia when it may.
func (c *Core) remember() {
	a := &c.amnesia
	if a.until.IsZero() {
		return
	}
	switch {
	case c.tree.Confirms() || c.undisputed():
		a.until = time.Time{}
	case c.now.Before(a.until):
	case c.heardOf() >= c.cfg.Parameters.AlphaConfidence && (!c.someoneAhead() || !c.now.Before(a.most)):
		a.until = time.Time{}
	default:
		a.until = c.now.Add(amnesiaTime / 10)
	}
}

// someoneAhead tells whether a validator says that it has accepted more than this node has decided.
func (c *Core) someoneAhead() bool {
	return len(c.connected(func(p *peer) bool { return p.height > c.root.Height })) > 0
}

// heardOf is the number of units, this node's among them, that have voted or shown a block since the start and are connected.
func (c *Core) heardOf() (units int) {
	for i := range c.cfg.Validators.Len() {
		if p := c.voters[i]; i == c.validator || p != nil && !p.hint.IsZero() {
			units += c.cfg.Validators.UnitsOf(i)
		}
	}
	if total := c.cfg.Validators.Units(); total > c.cfg.Parameters.K {
		units = units * c.cfg.Parameters.K / total
	}
	return units
}

// undisputed tells whether all validators are connected and stand where this node stands, and none prefers anything but what this
// node prefers, if there is anything undecided at all.
func (c *Core) undisputed() bool {
	for i, p := range c.voters {
		if i != c.validator && (p == nil || p.accepted != c.stable.ID || p.hint != c.stable.ID && !c.tree.IsPreferred(p.hint)) {
			return false
		}
	}
	return true
}

// vote is what this node prefers, as far as it may say so.
func (c *Core) vote() (id primitives.Hash, height uint64) {
	if !c.amnesia.until.IsZero() {
		return c.root.ID, c.root.Height
	}
	return c.tree.Vote()
}
