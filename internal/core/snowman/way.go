package snowman

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// way is the chain of blocks from the last accepted one to a target. First its ids are learnt, from the target down; then the blocks
// are executed upwards. Of the blocks themselves only the lowest that fit are kept: the others are fetched again when their turn comes.
type way struct {
	target  primitives.Hash
	want    primitives.Hash   // the block that the request is for
	ids     []primitives.Hash // newest first
	whole   bool              // ids reach down to the last accepted block
	blocks  map[primitives.Hash]*block.Block
	bytes   int
	highest int // index in ids of the newest block that may be kept
	span    int // how many blocks above the next one are asked for, when they are fetched again
	from    []primitives.NodeID
	failed  int    // requests in a row that brought nothing
	request uint32 // 0: none is open
}

// unlucky moves a peer that didn't deliver to the end.
func (w *way) unlucky(n primitives.NodeID) {
	w.failed++
	if i := slices.Index(w.from, n); i >= 0 {
		w.from = append(slices.Delete(w.from, i, i+1), n)
	}
}

// execute hands the next blocks to the VM and has those fetched that are missing.
func (c *Core) execute() {
	w := &c.catchUp.way
	if !w.whole {
		c.fetchWay()
		return
	}
	for len(w.ids) > 0 && len(c.queue) < window {
		next := w.ids[len(w.ids)-1]
		b := w.blocks[next]
		if b == nil {
			w.want = w.ids[max(0, len(w.ids)-w.span)]
			c.fetchWay()
			return
		}
		w.ids = w.ids[:len(w.ids)-1]
		w.drop(b)
		c.acceptDecided(b)
	}
	if len(w.ids) == 0 && len(c.queue) == 0 {
		c.arrived()
	}
}

// acceptDecided accepts a block that the network has decided, issued here or not.
func (c *Core) acceptDecided(b *block.Block) {
	id := b.ID()
	if e := c.blocks[id]; e == nil || e.state != issued {
		if e != nil {
			c.forget(e) // if the VM is verifying it, accepting it settles that
		}
		c.memory.add(b)
		c.blocks[id] = &entry{block: b, state: issued}
		if err := c.tree.Add(id, b.Parent, b.Height); err != nil {
			panic("snowman: the way to an accepted block has a gap: " + err.Error()) // way.take has checked every link
		}
		c.emit(Import{Block: b})
	}
	rejected, _ := c.tree.Accept(id)
	c.accept(id)
	c.reject(rejected)
}

func (c *Core) arrived() {
	c.catchUp = catchUp{}
	for _, p := range c.peers {
		p.misses = min(p.misses, benchedAfter-1)
	}
	c.clean()
	c.prefer()
	c.advanceAll()
	c.frontier = c.now // they have gone on meanwhile
}

func (c *Core) fetchWay() {
	u := &c.catchUp
	w := &u.way
	if w.request != 0 || c.now.Before(u.retry) {
		return
	}
	if w.failed > len(w.from) {
		w.failed = 0
		c.abandon() // it may be the genesis block, or nobody keeps so old a block
		return
	}
	for _, n := range w.from {
		if c.peers[n] == nil {
			continue
		}
		id := c.nextRequestID()
		want := w.want
		again := func(n primitives.NodeID) Action { return SendGetAncestors{Node: n, RequestID: id, ID: want} }
		if len(c.request(id, requests.Ancestors, again, n)) == 1 {
			w.request = id
			c.emit(again(n))
			return
		}
	}
	c.abandon()
}

// abandon begins again with whoever is connected now. What has been handed to the VM becomes durable all the same.
func (c *Core) abandon() {
	if len(c.queue) == 0 {
		c.giveUp()
	} else {
		c.catchUp.retry = c.now.Add(catchUpWait)
	}
}

func (c *Core) onAncestors(in Ancestors) {
	u := &c.catchUp
	if !c.answered(in.Node, in.RequestID, requests.Ancestors) || u.stage != fetching || in.RequestID != u.way.request {
		return
	}
	u.way.request = 0
	n := c.takeWay(in.Containers)
	if n > 0 {
		u.way.failed = 0
	} else {
		u.retry = c.now.Add(catchUpWait)
		u.way.unlucky(in.Node)
		c.emit(Report{Node: in.Node, Cost: costUseless, Reason: "no ancestors of a block that it has accepted"})
	}
}

// takeWay takes as many blocks as follow each other from the wanted one down, and returns how many.
func (c *Core) takeWay(containers [][]byte) (taken int) {
	w := &c.catchUp.way
	want := w.want
	for _, data := range containers {
		b, err := block.Decode(c.cfg.Chain, data)
		if err != nil || b.ID() != want {
			break
		}
		if b.Height <= c.root.Height {
			// Refetching overlaps with what is done. Reaching down beside the last accepted block is no way up from it.
			if !w.whole {
				c.giveUp()
			}
			return taken + 1
		}
		taken++
		c.keep(b)
		want = b.Parent
		if !w.whole && want == c.root.ID {
			w.whole, w.highest = true, 0
		}
	}
	if !w.whole {
		w.want = want
	} else if taken > 0 && w.blocks[w.ids[len(w.ids)-1]] == nil {
		w.span = max(1, taken/2) // the answer didn't reach down to the next block
	}
	return taken
}

// keep remembers a block of the way, and drops the newest ones when there are too many.
func (c *Core) keep(b *block.Block) {
	w := &c.catchUp.way
	if w.blocks[b.ID()] != nil {
		return
	}
	if !w.whole {
		w.ids = append(w.ids, b.ID())
	}
	w.blocks[b.ID()] = b
	w.bytes += len(b.Bytes())
	for w.bytes > maxBytes && w.highest < len(w.ids) {
		if newest := w.blocks[w.ids[w.highest]]; newest != nil {
			w.drop(newest)
		}
		w.highest++
	}
}

func (w *way) drop(b *block.Block) {
	if w.blocks[b.ID()] != nil {
		delete(w.blocks, b.ID())
		w.bytes -= len(b.Bytes())
	}
}
