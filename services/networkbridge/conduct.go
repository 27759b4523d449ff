package networkbridge

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/reputation"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// What a peer's faults cost it. At reputation.Threshold it is banned.
const (
	costMalformed   = -500
	costProtocol    = -300
	costUnknown     = -50
	costUnconnected = -50
	costFlood       = -20
	costUnsolicited = -10
	costOverBudget  = -2
)

// conduct enters what peers do into the ledger, and has those turned away that it bans.
type conduct struct {
	sub    *subsystem.Sub
	ledger *reputation.Ledger
	ban    func(id primitives.NodeID, until time.Time, reason string)
	spared uint64 // reports that would have banned a validator
}

// punish enters what the bridge itself has seen.
func (c *conduct) punish(id primitives.NodeID, cost int32, reason string) {
	c.judge(id, Name, cost, reason)
}

// judge enters what somebody thinks of a peer. The ledger clamps it.
func (c *conduct) judge(id primitives.NodeID, source string, value int32, reason string) {
	now := c.sub.Now()
	switch c.ledger.Report(id, source, value, now) {
	case reputation.Kept:
		c.sub.Log.Debug("peer reported", "peer", id.String(), "by", source, "value", value, "err", reason)
	case reputation.Spared:
		if c.spared++; powerOfTwo(c.spared) {
			c.sub.Log.Warn("a validator would be banned, but a fifth of the stake is already",
				"peer", id.String(), "by", source, "err", reason, "so_far", c.spared)
		}
	case reputation.Banned:
		c.sub.Log.Warn("peer banned", "peer", id.String(), "by", source, "err", reason, "for", reputation.Ban.String())
		c.ban(id, now.Add(reputation.Ban), reason)
	}
}

// bannedFor is how long the peer's ban lasts; 0: there is none.
func (c *conduct) bannedFor(id primitives.NodeID) time.Duration {
	return c.ledger.BannedFor(id, c.sub.Now())
}

// setValidators has the ledger follow a new set.
func (c *conduct) setValidators(stake map[primitives.NodeID]uint64) {
	for _, id := range c.ledger.SetValidators(stake, c.sub.Now()) {
		c.sub.Log.Warn("a ban was lifted: too much of the stake would be banned", "peer", id.String())
	}
}

// powerOfTwo picks the 1st, 2nd, 4th, 8th, … so that a flood is a few lines of log.
func powerOfTwo(n uint64) bool { return n&(n-1) == 0 }
