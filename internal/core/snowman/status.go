package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/snowman/history"
)

// Status is what a core can say of itself.
type Status struct {
	LastAccepted               Anchor // durable
	Preferred                  primitives.Hash
	Processing, Waiting        int
	Polls, Requests            int
	Kept                       Kept
	Validators                 int // connected
	ConnectedStake, TotalStake uint64
	NetworkHeight              uint64
	CatchingUp, EnoughStake    bool
	Pending, Building          bool // the VM has something for a block; it is being asked for one
	// what the VM says against the blocks that it builds itself, when it goes on
	Refusing  string
	Deciding  *Standing     // nil: nothing is being decided
	OwnHeight uint64        // at which this node voted last
	Forgotten uint64        // a height with a vote of its key that the keystore doesn't know; 0: none is known of
	Ahead     time.Duration // of this node's clock, the last accepted block; 0: it isn't
	Doubts    []Doubt       // blocks that the VM couldn't judge
}

// Status of now.
func (c *Core) Status() Status {
	tip, _ := c.tree.Preference()
	return Status{
		Forgotten:    c.roster.forgotten,
		LastAccepted: c.accepted.stable, Preferred: tip, Processing: c.tree.Len(), Waiting: c.pool.len() - c.tree.Len(),
		Polls: c.polling.open.Len(), Requests: c.asking.table.Len(), Kept: c.kept(),
		Validators:     len(c.roster.connected(nil)),
		ConnectedStake: c.roster.stake, TotalStake: c.roster.set.TotalStake(), NetworkHeight: c.roster.network,
		CatchingUp: c.catchUp.active(), EnoughStake: c.roster.enough, Pending: c.building.pending,
		Building:  c.building.busy,
		OwnHeight: c.deciding.own.height, Deciding: c.Standing(), Ahead: c.ahead(),
		Doubts: c.issuing.doubts.list(c.pool), Refusing: c.building.refusing(),
	}
}

// Kept is what is kept because of peers.
type Kept struct {
	Blocks, Bytes int // undecided ones
	Verifying     int // of them
	Verdicts      int // ids of blocks that were judged
	Fetches       int
	Resends       int // questions that may be sent again
	Votes         int // of this height and the next ones
	Wanted        int // blocks that votes name
	Headers       int // of blocks that proposers have signed lately
	Remembered    int // votes of the last heights
}

func (c *Core) kept() Kept {
	k := Kept{
		Blocks: c.pool.len(), Verifying: c.pool.atVM, Verdicts: len(c.pool.known), Fetches: len(c.fetching.blocks),
		Resends: len(c.asking.lost),
	}
	for _, u := range c.pool.uses {
		k.Bytes += u.bytes
	}
	if i := c.deciding.instance; i != nil {
		k.Votes, k.Wanted = i.Kept()
	}
	for _, list := range c.deciding.early.of {
		k.Votes += len(list)
	}
	for _, list := range c.issuing.seen.of {
		k.Headers += len(list)
	}
	k.Remembered = c.history.Len()
	return k
}

// MostKept is what that can be at most on a chain of so many validators.
func MostKept(validators int) Kept {
	accounts := validators + 1
	votes, wanted := finality.MostKept(validators)
	return Kept{
		Votes: votes + validators*earlyVotes, Wanted: wanted, Headers: validators * mostProposals,
		Remembered: history.Most(validators) * validators * history.VotesOfOne,
		Blocks:     accounts * part(maxUndecided, ofUndecided, validators),
		Bytes:      accounts * part(maxBytes, ofBytes, validators),
		Verifying:  accounts * maxVerifying, Verdicts: accounts * part(maxVerdicts, ofVerdicts, validators),
		Fetches: accounts * part(maxFetches, ofFetches, validators), Resends: maxResends,
	}
}

func (c *Core) ahead() time.Duration {
	return max(0, proposer.TimeOf(c.accepted.root.Time).Sub(c.now))
}

// Deciding tells whether votes of a height are still of use.
func (c *Core) Deciding(height uint64) bool {
	return c.deciding.instance != nil && c.deciding.height == height
}

// UnderWay tells whether there is a block to be made or decided.
func (c *Core) UnderWay() bool { return c.tree.Len() > 0 || c.building.pending || c.building.busy }

// CatchingUp tells whether the node is executing what the network has decided without it.
func (c *Core) CatchingUp() bool { return c.catchUp.active() }

// UndecidedFor is how long the chain has stood on its last accepted block with something to decide: a block, or
// something for one while validators have begun to vote. Zero when there is nothing.
func (c *Core) UndecidedFor(now time.Time) time.Duration {
	switch {
	case c.tree.Len() > 0:
		return now.Sub(c.undecided)
	case (c.building.pending || c.building.busy) && !c.deciding.since.IsZero():
		return now.Sub(later(c.deciding.since, c.building.pendingSince))
	}
	return 0
}
