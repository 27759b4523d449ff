package snowman

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
)

// How a block is issued, polled about, decided and made durable.

// onBuilt takes the node's own block the way of all others.
func (c *Core) onBuilt(b *block.Block) {
	if c.building.built(b) {
		c.issuing.receive(b, c.self, true)
	}
}

// onVerified issues a block, and asks about it if it is preferred.
func (c *Core) onVerified(id primitives.Hash) {
	e := c.issuing.verified(id)
	if e == nil {
		return
	}
	if c.tree.Len() == 1 {
		c.undecided = c.now
	}
	c.prefer()
	if c.tree.IsPreferred(id) && !c.catchUp.active() && c.roster.enough {
		if e.from == c.self {
			c.polling.push(e.block)
		} else {
			c.polling.pull(id)
		}
		c.takePolls()
	}
	c.issuing.advanceAll()
}

// poll keeps as many polls open as could confirm something.
func (c *Core) poll() {
	for c.polling.due() {
		tip, _ := c.tree.Preference()
		c.polling.pull(tip)
		c.takePolls()
		c.prefer()
	}
}

// takePolls records the polls that are finished, oldest first.
func (c *Core) takePolls() {
	for d, ok := c.polling.take(); ok; d, ok = c.polling.take() {
		c.decide(d)
	}
}

// decide has the VM accept and reject what a poll decided.
func (c *Core) decide(d tree.Decision) {
	for _, id := range d.Accept {
		c.accept(id)
	}
	c.reject(d.Reject)
	if len(d.Accept) > 0 {
		c.issuing.clean()
		c.prefer()
		c.issuing.advanceAll() // there may be room again
	}
}

// accept puts a decided block on the accepted ones. The tree stands on it already.
func (c *Core) accept(id primitives.Hash) {
	e := c.pool.get(id)
	c.pool.forget(e)
	c.accepted.push(e.block)
	c.undecided = c.now
	c.emit(Accept{Block: e.block})
}

func (c *Core) reject(ids []primitives.Hash) {
	for _, id := range ids {
		if e := c.pool.get(id); e != nil {
			c.pool.lose(e)
			c.emit(Reject{Block: e.block})
		}
	}
}

// onCommitted is the answer to the oldest Accept.
func (c *Core) onCommitted(id primitives.Hash) {
	if b := c.accepted.commit(id); b != nil {
		c.roster.committed(b.Height)
		c.emit(Finalize{Block: b})
	}
}

// prefer notifies the VM when the preferred chain has another tip.
func (c *Core) prefer() {
	tip, height := c.tree.Preference()
	if tip == c.preferred || c.catchUp.active() {
		return
	}
	c.preferred = tip
	c.building.tipChanged(height)
	c.emit(Prefer{ID: tip})
}

// suspend, adopt, resume and arrived are what catching up does to the rest.

func (c *Core) suspend() {
	c.polling.stop()
	c.building.pause()
}

func (c *Core) adopt(b *block.Block) {
	id := b.ID()
	if e := c.pool.get(id); e == nil || e.state != issued {
		if e != nil {
			c.pool.forget(e) // if the VM is verifying it, accepting it settles that
		}
		c.pool.add(&entry{block: b, state: issued})
		if err := c.tree.Add(id, b.Parent, b.Height, b.Slot); err != nil {
			panic("snowman: the way to an accepted block has a gap: " + err.Error()) // ancestry.add has checked every link
		}
		c.emit(Import{Block: b})
	}
	rejected, _ := c.tree.Accept(id)
	c.accept(id)
	c.reject(rejected)
}

func (c *Core) resume() { c.issuing.advanceAll() }

func (c *Core) arrived() {
	c.roster.forgive()
	c.issuing.clean()
	c.prefer()
	c.issuing.advanceAll()
	c.frontier.soon() // they have gone on meanwhile
}

// Accepted tells whether a block was accepted lately and is durable. False also for older ones.
func (c *Core) Accepted(id primitives.Hash) bool { return c.accepted.durable(id) }

// Block returns a block that this node vouches for and that isn't durable yet: issued, or accepted a moment ago.
func (c *Core) Block(id primitives.Hash) (*block.Block, bool) {
	if e := c.pool.get(id); e != nil && e.state == issued {
		return e.block, true
	}
	return c.accepted.find(id)
}
