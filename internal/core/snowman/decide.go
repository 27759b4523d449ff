package snowman

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// How a block is issued, chosen, decided and made durable.

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
	c.building.moved()
	if c.tree.Len() == 1 {
		c.undecided = c.now
	}
	c.prefer()
	if e.from == c.self && c.tree.IsPreferred(id) && !c.catchUp.active() {
		c.polling.push(e.block) // nobody else has seen it
		c.polling.take()
	}
	c.issuing.advanceAll()
}

// poll keeps as many polls open as could help to choose.
func (c *Core) poll() {
	for !c.deciding.chosen() && c.polling.due() {
		tip, _ := c.tree.Preference()
		c.polling.pull(tip)
		c.polling.take()
		c.prefer()
		c.decide()
	}
}

// decide goes on with the votes of the next height, and the one after it, as far as they decide.
func (c *Core) decide() {
	d := c.deciding
	for !c.catchUp.active() || d.instance != nil {
		if !c.catchUp.active() {
			d.begin()
		}
		if d.certificate == nil {
			d.tell()
		}
		if d.certificate == nil || !c.conclude(d.certificate) {
			return
		}
	}
}

// conclude accepts the block that a certificate is for. False: it isn't here; it is asked for.
func (c *Core) conclude(p *finality.Proof) bool {
	root, b := c.accepted.root, c.deciding.block
	if e := c.pool.get(p.Block); e != nil {
		b = e.block
	}
	switch {
	case c.pool.isInvalid(p.Block):
		c.deciding.halt("the VM finds block %s at height %d invalid, which the network has decided",
			p.Block.Short(), root.Height+1)
	case len(c.accepted.pending) >= window:
		c.deciding.wait() // the VM doesn't keep up
	case b == nil:
		c.deciding.fetch()
	case b.Parent != root.ID || b.Height != root.Height+1:
		c.deciding.halt("block %s is certified at height %d, and isn't a child of %s, which is certified below it",
			p.Block.Short(), root.Height+1, root.ID.Short())
	default:
		c.adopt(b, p)
		c.issuing.clean()
		c.prefer()
		c.issuing.advanceAll() // there may be room again
		return true
	}
	return false
}

// accept puts a decided block on the accepted ones. The tree stands on it already.
func (c *Core) accept(id primitives.Hash, certificate *finality.Proof) {
	e := c.pool.get(id)
	height := e.block.Height
	c.pool.forget(e)
	c.accepted.push(e.block)
	c.undecided = c.now
	c.building.moved()
	c.deciding.compare(height, certificate)
	c.deciding.end()
	c.history.At(height).End(certificate, c.now)
	c.absences.Add(certificate)
	c.emit(Accept{Block: e.block, Certificate: certificate.Encode(height)})
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
		c.history.At(b.Height).Stored(c.now)
		c.emit(Finalize{Block: b})
		c.deciding.release()
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

// adopt accepts a block with its certificate, issued here or not.
func (c *Core) adopt(b *block.Block, certificate *finality.Proof) {
	id := b.ID()
	if e := c.pool.get(id); e == nil || e.state != issued {
		if e != nil {
			c.pool.forget(e) // if the VM is verifying it, accepting it settles that
		} else {
			c.issuing.compare(b) // nobody is to blame if it doesn't say who made it: a quorum vouches for it
		}
		c.pool.add(&entry{block: b, state: issued})
		if err := c.tree.Add(id, b.Parent, b.Height, b.Slot); err != nil {
			// ancestry.add has checked every link
			panic("snowman: the way to an accepted block has a gap: " + err.Error())
		}
		c.emit(Import{Block: b})
	}
	rejected, _ := c.tree.Accept(id)
	c.accept(id, certificate)
	c.reject(rejected)
}

func (c *Core) ask(nodes []primitives.NodeID) { c.deciding.ask(nodes) }

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
