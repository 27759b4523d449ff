package snowman

import (
	"math/rand/v2"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// fetching is the blocks that are being asked for, each of one peer at a time and of at most fetchRetries in turn. A
// block that nobody has is forgotten; if it matters it will be voted for again.
type fetching struct {
	*turn
	rand   *rand.Rand
	asking *asking
	roster *roster

	blocks    map[primitives.Hash]*fetch
	byRequest map[uint32]primitives.Hash
}

type fetch struct {
	id    primitives.Hash
	tries int
}

const (
	maxFetches   = 256
	fetchRetries = 3
)

// want asks for a block, first the peer that spoke of it.
func (f *fetching) want(id primitives.Hash, from primitives.NodeID) {
	if f.blocks[id] != nil || len(f.blocks) >= maxFetches {
		return
	}
	f.blocks[id] = &fetch{id: id}
	f.ask(f.blocks[id], from)
}

// ask asks one peer; another one, when the first choice is gone.
func (f *fetching) ask(b *fetch, from primitives.NodeID) {
	if p := f.roster.peers[from]; p == nil || p.benched() && b.tries > 0 {
		nodes := f.roster.connected(func(p *peer) bool { return !p.benched() })
		if len(nodes) == 0 {
			delete(f.blocks, b.id)
			return
		}
		from = nodes[f.rand.IntN(len(nodes))]
	}
	b.tries++
	request := f.asking.nextID()
	get := func(n primitives.NodeID) Action { return SendGet{Node: n, RequestID: request, ID: b.id} }
	if len(f.asking.open(request, requests.Put, get, from)) == 0 {
		delete(f.blocks, b.id)
		return
	}
	f.byRequest[request] = b.id
	f.emit(get(from))
}

// wanted is the block that a request is for.
func (f *fetching) wanted(request uint32) primitives.Hash { return f.byRequest[request] }

// done ends a request, and with it the fetch.
func (f *fetching) done(request uint32) {
	delete(f.blocks, f.byRequest[request])
	delete(f.byRequest, request)
}

// failed ends a request that brought nothing, and asks another peer if there is one.
func (f *fetching) failed(from primitives.NodeID, request uint32) {
	b := f.blocks[f.byRequest[request]]
	f.done(request)
	if b == nil || b.tries >= fetchRetries {
		return
	}
	others := f.roster.connected(func(p *peer) bool { return !p.benched() && p != f.roster.peers[from] })
	if len(others) > 0 {
		f.blocks[b.id] = b
		f.ask(b, others[f.rand.IntN(len(others))])
	}
}
