package snowman

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
)

// decide hands what a poll decided to the VM.
func (c *Core) decide(d tree.Decision) {
	for _, id := range d.Accept {
		c.accept(id)
	}
	c.reject(d.Reject)
	if len(d.Accept) > 0 {
		c.clean()
		c.prefer()
		c.advanceAll() // there may be room again
	}
}

// accept puts a decided block in the queue of those that become durable. The tree stands on it already.
func (c *Core) accept(id primitives.Hash) {
	e := c.blocks[id]
	c.forget(e)
	c.queue = append(c.queue, e)
	c.root = Anchor{ID: id, Height: e.block.Height, Time: e.block.Time}
	c.recent.add(id, e.block.Height)
	c.undecided = c.now
	c.emit(Accept{Block: e.block})
}

func (c *Core) reject(ids []primitives.Hash) {
	for _, id := range ids {
		if e := c.blocks[id]; e != nil {
			c.forget(e)
			c.emit(Reject{Block: e.block})
		}
	}
}

// clean drops what can't be issued any more.
func (c *Core) clean() {
	for _, e := range c.sorted() {
		parent := e.block.Parent
		lost := e.block.Height <= c.root.Height || e.block.Height == c.root.Height+1 && parent != c.root.ID
		switch {
		case e.state == verifying && (lost || !c.tree.Knows(parent)):
			e.unwanted = true
		case e.state == waiting && lost:
			c.forget(e)
			c.dropDescendants(e.block.ID())
		}
	}
}

// onCommitted is the answer to the oldest Accept.
func (c *Core) onCommitted(id primitives.Hash) {
	if len(c.queue) == 0 || c.queue[0].block.ID() != id {
		return
	}
	b := c.queue[0].block
	c.queue[0] = nil
	c.queue = c.queue[1:]
	c.stable = Anchor{ID: id, Height: b.Height, Time: b.Time}
	c.rose(b.Height)
	c.emit(Finalize{Block: b})
}

// prefer tells the VM when the preferred chain has another tip.
func (c *Core) prefer() {
	tip, height := c.tree.Preference()
	if tip == c.preferred || c.catchUp.active() {
		return
	}
	c.preferred = tip
	c.tipChanged(height)
	c.emit(Prefer{ID: tip})
}
