package snowman

import (
	"cmp"
	"slices"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// What is kept because of peers, at most.
const (
	maxAhead      = 512      // heights above the last accepted block
	maxUndecided  = 1024     // blocks
	maxBytes      = 64 << 20 // of blocks
	maxOfProposer = 64       // unasked blocks that one validator signed
	maxInvalid    = 4096     // ids
)

// pool is the blocks that aren't decided, and the ids of some that were found invalid. Its counters are always those of
// what is in it, so that what peers make it keep is bounded: a flood of signed blocks costs its validator its own share
// only.
type pool struct {
	entries map[primitives.Hash]*entry
	bytes   int
	of      map[uint32]int                      // blocks by proposer
	invalid map[primitives.Hash]primitives.Hash // to the parent
	order   []primitives.Hash                   // of the invalid ones, oldest first
}

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

func newPool() *pool {
	return &pool{
		entries: make(map[primitives.Hash]*entry), of: make(map[uint32]int),
		invalid: make(map[primitives.Hash]primitives.Hash),
	}
}

func (p *pool) get(id primitives.Hash) *entry { return p.entries[id] }

func (p *pool) len() int { return len(p.entries) }

// room tells whether a block that nobody asked for may be added.
func (p *pool) room(b *block.Block) bool {
	return len(p.entries) < maxUndecided && p.bytes+len(b.Bytes()) <= maxBytes && p.of[b.Proposer] < maxOfProposer
}

func (p *pool) add(e *entry) {
	p.entries[e.block.ID()] = e
	p.bytes += len(e.block.Bytes())
	p.of[e.block.Proposer]++
}

// forget takes a block out, unless it has been already.
func (p *pool) forget(e *entry) {
	b := e.block
	if p.entries[b.ID()] != e {
		return
	}
	delete(p.entries, b.ID())
	p.bytes -= len(b.Bytes())
	if p.of[b.Proposer]--; p.of[b.Proposer] == 0 {
		delete(p.of, b.Proposer)
	}
}

// forgetDescendants takes everything out that waits for a block.
func (p *pool) forgetDescendants(id primitives.Hash) {
	for _, e := range p.sorted() {
		if e.block.Parent == id && e.state == waiting {
			p.forget(e)
			p.forgetDescendants(e.block.ID())
		}
	}
}

// condemn takes a block out that can never be valid, and everything that waits for it, and remembers their ids.
func (p *pool) condemn(e *entry) {
	p.markInvalid(e.block)
	p.forget(e)
	for _, d := range p.sorted() {
		if d.block.Parent == e.block.ID() && d.state == waiting {
			p.condemn(d)
		}
	}
}

func (p *pool) markInvalid(b *block.Block) {
	if len(p.order) == maxInvalid {
		delete(p.invalid, p.order[0])
		p.order = p.order[1:]
	}
	p.invalid[b.ID()] = b.Parent
	p.order = append(p.order, b.ID())
}

func (p *pool) isInvalid(id primitives.Hash) bool {
	_, yes := p.invalid[id]
	return yes
}

// sorted lists what isn't decided, parents before children.
func (p *pool) sorted() []*entry {
	list := make([]*entry, 0, len(p.entries))
	for _, e := range p.entries {
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

func compare[T cmp.Ordered](a, b T) int { return cmp.Compare(a, b) }
