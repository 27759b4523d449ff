package snowman

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// fetch is a block that is being asked for. One request at a time.
type fetch struct {
	id    primitives.Hash
	tries int
}

const (
	maxFetches   = 256
	fetchRetries = 3
)

func (c *Core) fetch(id primitives.Hash, from primitives.NodeID) {
	if c.fetches[id] != nil || len(c.fetches) >= maxFetches {
		return
	}
	f := &fetch{id: id}
	c.fetches[id] = f
	c.get(f, from)
}

// get asks one peer; another one, when the first choice is gone.
func (c *Core) get(f *fetch, from primitives.NodeID) {
	if p := c.peers[from]; p == nil || p.benched() && f.tries > 0 {
		nodes := c.connected(func(p *peer) bool { return !p.benched() })
		if len(nodes) == 0 {
			delete(c.fetches, f.id)
			return
		}
		from = nodes[c.cfg.Rand.IntN(len(nodes))]
	}
	f.tries++
	id := c.nextRequestID()
	again := func(n primitives.NodeID) Action { return SendGet{Node: n, RequestID: id, ID: f.id} }
	if len(c.request(id, requests.Put, again, from)) == 0 {
		delete(c.fetches, f.id)
		return
	}
	c.byRequest[id] = f.id
	c.emit(again(from))
}

func (c *Core) onPut(in Put) {
	if !c.answered(in.Node, in.RequestID, requests.Put) {
		return
	}
	b, err := block.Decode(c.cfg.Chain, in.Container)
	if err != nil || b.ID() != c.byRequest[in.RequestID] {
		c.emit(Report{Node: in.Node, Cost: costUndecodable, Reason: "not the block that was asked for"})
		c.onGetFailed(in.Node, in.RequestID)
		return
	}
	c.fetched(in.RequestID)
	if b.Height <= c.root.Height && !c.recent.has(b.ID()) {
		c.dropDescendants(b.ID()) // it lost long ago, and so did all that waits for it
		return
	}
	c.receive(b, in.Node, true)
}

func (c *Core) fetched(requestID uint32) {
	delete(c.fetches, c.byRequest[requestID])
	delete(c.byRequest, requestID)
}

// onGetFailed tries another peer a few times. A block that nobody has is forgotten; if it matters it will be voted for again.
func (c *Core) onGetFailed(from primitives.NodeID, requestID uint32) {
	f := c.fetches[c.byRequest[requestID]]
	c.fetched(requestID)
	if f == nil || f.tries >= fetchRetries || c.catchUp.active() {
		return
	}
	others := c.connected(func(p *peer) bool { return !p.benched() && p != c.peers[from] })
	if len(others) == 0 {
		return
	}
	c.fetches[f.id] = f
	c.get(f, others[c.cfg.Rand.IntN(len(others))])
}

func (c *Core) dropDescendants(id primitives.Hash) {
	for _, e := range c.sorted() {
		if e.block.Parent == id && e.state == waiting {
			c.forget(e)
			c.dropDescendants(e.block.ID())
		}
	}
}
