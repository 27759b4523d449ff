package snowman

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
)

type state uint8

const (
	waiting   state = iota // for its parent to be issued
	verifying              // by the VM
	issued                 // in the tree
)

// entry is a block that isn't decided.
type entry struct {
	block *block.Block
	state state
	from  primitives.NodeID // who sent it; this node for its own
	// unwanted is set when a block loses its place while the VM judges it.
	unwanted bool
}

// receive takes a block that has been decoded. asked: this node fetched it, so there is room for it.
func (c *Core) receive(b *block.Block, from primitives.NodeID, asked bool) {
	id := b.ID()
	switch {
	case c.blocks[id] != nil || c.memory.isInvalid(id) || b.Height <= c.root.Height || b.Height > c.root.Height+maxAhead:
		return // known, decided, or so far ahead that catching up will bring it
	case int64(b.Proposer) >= int64(c.cfg.Validators.Len()) || !c.cfg.VerifySignature(b, c.cfg.Validators.At(int(b.Proposer)).Key):
		c.emit(Report{Node: from, Cost: costForged, Reason: "a block with a wrong signature"})
		return
	case !asked && from != c.cfg.Self && !c.memory.room(b):
		return
	}
	c.memory.add(b)
	c.blocks[id] = &entry{block: b, from: from}
	c.advance(c.blocks[id])
}

// advance has a waiting block verified if its parent is issued, and looks for the parent otherwise.
func (c *Core) advance(e *entry) {
	if e.state != waiting || c.catchUp.active() {
		return
	}
	parent := e.block.Parent
	switch {
	case c.memory.isInvalid(parent):
		c.discredit(e)
	case c.tree.Knows(parent):
		if c.tree.Len() >= c.cfg.Parameters.MaxOutstandingItems {
			return // tried again when something is decided
		}
		c.verify(e)
	case c.blocks[parent] == nil:
		c.fetch(parent, e.from)
	}
}

func (c *Core) verify(e *entry) {
	b := e.block
	height, time := c.parentOf(b)
	if b.Height != height+1 {
		c.condemn(e, "a block with a wrong height")
		return
	}
	if err := proposer.Check(c.order(b.Parent, b.Height), b.Proposer, b.Slot, b.Time, time); err != nil {
		c.condemn(e, err.Error())
		return
	}
	if proposer.Future(b.Time, c.now) {
		c.forget(e) // not wrong, only early; it will be voted for and fetched again
		return
	}
	if b.Slot == 0 && c.build.pending {
		c.slots.Observe(c.now.Sub(later(c.build.pendingSince, c.build.tipSince)))
	}
	e.state = verifying
	c.emit(Verify{Block: b})
}

func (c *Core) parentOf(b *block.Block) (height, time uint64) {
	if b.Parent == c.root.ID {
		return c.root.Height, c.root.Time
	}
	p := c.blocks[b.Parent].block
	return p.Height, p.Time
}

// onVerified issues a block.
func (c *Core) onVerified(id primitives.Hash) {
	e := c.blocks[id]
	if e == nil || e.state != verifying {
		return
	}
	if e.unwanted || c.tree.Add(id, e.block.Parent, e.block.Height) != nil {
		c.forget(e)
		c.emit(Reject{Block: e.block})
		return
	}
	e.state = issued
	if c.tree.Len() == 1 {
		c.undecided = c.now
	}
	c.emit(Import{Block: e.block})
	c.prefer()
	if c.tree.IsPreferred(id) && !c.catchUp.active() && c.known.enough {
		c.ask(e)
	}
	c.advanceAll()
}

// onInvalid forgets a block that breaks the VM's rules, and everything that builds on it.
func (c *Core) onInvalid(in Invalid) {
	switch e := c.blocks[in.ID]; {
	case e == nil || e.state != verifying:
	case e.unwanted:
		c.forget(e)
	default:
		c.condemn(e, "an invalid block: "+in.Reason)
	}
}

// condemn is for a block that can never be valid: whoever sent it should have known.
func (c *Core) condemn(e *entry, why string) {
	if e.from != c.cfg.Self {
		c.emit(Report{Node: e.from, Cost: costInvalid, Reason: why})
	}
	c.discredit(e)
}

func (c *Core) discredit(e *entry) {
	c.memory.markInvalid(e.block)
	c.forget(e)
	for _, d := range c.sorted() {
		if d.block.Parent == e.block.ID() && d.state == waiting {
			c.discredit(d)
		}
	}
}

func (c *Core) forget(e *entry) {
	if c.blocks[e.block.ID()] == e {
		delete(c.blocks, e.block.ID())
		c.memory.remove(e.block)
	}
}

// advanceAll looks at everything that waits.
func (c *Core) advanceAll() {
	for _, e := range c.sorted() {
		if c.blocks[e.block.ID()] == e {
			c.advance(e)
		}
	}
}

// sorted lists what isn't decided, parents before children.
func (c *Core) sorted() []*entry {
	list := make([]*entry, 0, len(c.blocks))
	for _, e := range c.blocks {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *entry) int {
		if a.block.Height != b.block.Height {
			return compare(a.block.Height, b.block.Height)
		}
		return a.block.ID().Compare(b.block.ID())
	})
	return list
}

// Block returns a block that this node vouches for and that isn't durable yet: issued, or accepted a moment ago.
func (c *Core) Block(id primitives.Hash) (*block.Block, bool) {
	if e := c.blocks[id]; e != nil && e.state == issued {
		return e.block, true
	}
	for _, e := range c.queue {
		if e.block.ID() == id {
			return e.block, true
		}
	}
	return nil, false
}
