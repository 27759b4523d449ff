package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
)

// building is what this node knows of its turn to propose.
type building struct {
	pending      bool // the VM has something for a block
	pendingSince time.Time
	tipSince     time.Time // the preferred chain has had its tip since
	busy         bool      // a block is being built or signed
	height       uint64    // of the proposals counted in cycle
	cycle        uint64    // how often this node has used its turn at that height
	notBefore    time.Time // the VM or the signer couldn't, and is asked again then
	due          time.Time // this node's turn at the present tip
	waiting      bool      // for due
	dueOn        primitives.Hash
	orderOf      primitives.Hash
	order        []int
}

func (b *building) next() (time.Time, bool) { return b.due, b.waiting }

// retryBuild is how long to wait after the VM or the signer couldn't.
const retryBuild = 50 * time.Millisecond

// order is the proposers' order of a parent's children; that of the last parent is remembered.
func (c *Core) order(parent primitives.Hash, height uint64) []int {
	if c.build.orderOf != parent || c.build.order == nil {
		c.build.orderOf, c.build.order = parent, proposer.Order(c.cfg.Validators, parent, height)
	}
	return c.build.order
}

func (c *Core) onPendingTxs() {
	if !c.build.pending {
		c.build.pending, c.build.pendingSince, c.build.dueOn = true, c.now, primitives.Hash{}
	}
}

func (c *Core) tipChanged(height uint64) {
	c.build.tipSince, c.build.dueOn = c.now, primitives.Hash{}
	if c.build.height != height+1 {
		c.build.height, c.build.cycle = height+1, 0
	}
}

// propose builds when there is work and it is this node's turn: at once if it comes first in the order, and otherwise when those
// before it have had a slot each and nothing came.
func (c *Core) propose() {
	c.build.waiting = false
	if !c.mayPropose() {
		return
	}
	tip, height := c.tree.Preference()
	if c.build.dueOn == tip && c.now.Before(c.build.due) {
		c.build.waiting = true
		return
	}
	order := c.order(tip, height+1)
	rank, ok := proposer.Rank(order, c.validator)
	if !ok {
		return
	}
	wait := c.slots.Wait(c.ahead(order[:rank]) + int(c.build.cycle)*len(order))
	rank += int(c.build.cycle) * len(order)
	c.build.due = later(c.build.notBefore, later(c.build.pendingSince, c.build.tipSince).Add(wait))
	if c.now.Before(c.build.due) {
		c.build.waiting, c.build.dueOn = true, tip
		return
	}
	c.build.busy, c.build.pending = true, false
	c.emit(Build{Header: c.header(tip, height+1, uint64(rank))})
}

// ahead counts those who come first and may well propose: nobody waits for a validator that isn't connected.
func (c *Core) ahead(order []int) (count int) {
	for _, i := range order {
		if p := c.voters[i]; p != nil && !p.benched() {
			count++
		}
	}
	return count
}

func (c *Core) mayPropose() bool {
	tip, _ := c.tree.Preference()
	switch {
	case !c.build.pending || c.build.busy || c.validator < 0 || c.catchUp.active():
		return false
	case c.tree.Len() >= c.cfg.Parameters.OptimalProcessing || !c.known.enough:
		return false
	}
	for _, e := range c.blocks {
		if e.block.Parent == tip && e.state == verifying && !e.unwanted {
			return false // somebody's block is about to be issued here
		}
	}
	return true
}

func (c *Core) header(parent primitives.Hash, height, slot uint64) block.Header {
	parentTime := c.root.Time
	if e := c.blocks[parent]; e != nil {
		parentTime = e.block.Time
	}
	at := max(uint64(max(0, c.now.UnixMilli())), proposer.Earliest(parentTime, slot))
	return block.Header{Height: height, Parent: parent, Slot: slot, Time: at, Proposer: uint32(c.validator)}
}

// onBuilt takes the node's own block the way of all others, unless one that comes before it arrived while it was built. Nobody has seen
// it then, and everybody would have to verify it and vote it out; what was to be in it waits for the next one.
func (c *Core) onBuilt(b *block.Block) {
	c.build.busy = false
	c.used(b.Height)
	if c.overtaken(b) {
		c.onPendingTxs()
		return
	}
	c.receive(b, c.cfg.Self, true)
}

// overtaken tells whether a block of an earlier slot is there, and not known to be worthless. One of a later slot is not given way to:
// its proposer may have claimed a time that hasn't come.
func (c *Core) overtaken(b *block.Block) bool {
	for _, e := range c.blocks {
		if e.block.Parent == b.Parent && e.block.Slot < b.Slot && !e.unwanted {
			return true
		}
	}
	return false
}

func (c *Core) onNotBuilt(why WhyNotBuilt) {
	c.build.busy = false
	switch why {
	case SlotTaken:
		_, height := c.tree.Preference()
		c.used(height + 1)
		fallthrough
	case TryAgain:
		c.build.notBefore = c.now.Add(retryBuild)
		c.onPendingTxs()
	}
}

// used counts a slot as gone: the next proposal at this height is for the node's next turn.
func (c *Core) used(height uint64) {
	if c.build.height == height {
		c.build.cycle++
	}
}
