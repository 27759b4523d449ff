package snowman

import (
	"math/rand/v2"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
)

// fetching is the blocks that are being asked for, each of one peer at a time and of at most fetchRetries in turn. A
// block that nobody has is forgotten; if it matters it will be voted for again. Every account has its own part of the
// fetches: that of the peer that spoke of the block.
type fetching struct {
	*turn
	rand   *rand.Rand
	asking *asking
	roster *roster

	blocks    map[primitives.Hash]*fetch
	byRequest map[uint32]primitives.Hash
	uses      map[account]int // of blocks
	most      int             // of one account
}

type fetch struct {
	id      primitives.Hash
	account account
	tries   int
}

const (
	maxFetches   = 256 // shared out among the accounts
	ofFetches    = 8   // of one account at least
	fetchRetries = 3
)

func newFetching(t *turn, rng *rand.Rand, a *asking, r *roster) *fetching {
	return &fetching{
		turn: t, rand: rng, asking: a, roster: r,
		blocks: make(map[primitives.Hash]*fetch), byRequest: make(map[uint32]primitives.Hash),
		uses: make(map[account]int), most: part(maxFetches, ofFetches, r.set.Len()),
	}
}

// want asks for a block that a peer spoke of, that peer first.
func (f *fetching) want(id primitives.Hash, from primitives.NodeID) {
	f.wantFor(accountOf(f.roster.set, from), id, from)
}

// wantFor asks for a block on an account, a certain peer first.
func (f *fetching) wantFor(a account, id primitives.Hash, from primitives.NodeID) {
	if f.blocks[id] != nil || f.uses[a] >= f.most {
		return
	}
	b := &fetch{id: id, account: a}
	f.begin(b)
	f.ask(b, from)
}

// ask asks one peer; another one, when the first choice is gone.
func (f *fetching) ask(b *fetch, from primitives.NodeID) {
	if p := f.roster.peers[from]; p == nil || p.benched() && b.tries > 0 {
		nodes := f.roster.connected(func(p *peer) bool { return !p.benched() })
		if len(nodes) == 0 {
			f.end(b)
			return
		}
		from = nodes[f.rand.IntN(len(nodes))]
	}
	b.tries++
	request := f.asking.nextID()
	get := func(n primitives.NodeID) Action { return SendGet{Node: n, RequestID: request, ID: b.id} }
	if len(f.asking.open(request, requests.Put, get, from)) == 0 {
		f.end(b)
		return
	}
	f.byRequest[request] = b.id
	f.emit(get(from))
}

func (f *fetching) begin(b *fetch) {
	f.blocks[b.id] = b
	f.uses[b.account]++
}

func (f *fetching) end(b *fetch) {
	delete(f.blocks, b.id)
	if f.uses[b.account]--; f.uses[b.account] == 0 {
		delete(f.uses, b.account)
	}
}

// wanted is the block that a request is for.
func (f *fetching) wanted(request uint32) primitives.Hash { return f.byRequest[request] }

// done ends a request, and with it the fetch. It returns the account; a request that is no fetch is the strangers'.
func (f *fetching) done(request uint32) account {
	b := f.blocks[f.byRequest[request]]
	delete(f.byRequest, request)
	if b == nil {
		return strangers
	}
	f.end(b)
	return b.account
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
		f.begin(b)
		f.ask(b, others[f.rand.IntN(len(others))])
	}
}
