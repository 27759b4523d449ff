package snowman

import (
	"cmp"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// What is kept because of peers. Where a bound has two numbers, the first is shared out among the accounts, and the
// second is what each has at least; see part.
const (
	maxAhead     = 512      // heights above the last accepted block
	maxUndecided = 1024     // blocks
	ofUndecided  = 32       // more than an honest validator proposes without seeing any decided
	maxBytes     = 64 << 20 // of blocks
	ofBytes      = 2 * block.MaxSize
	maxVerifying = 4 // blocks of one account at the VM: the others wait here, where they hold up nobody
)

// pool is the blocks that aren't decided. Each is kept for an account, and every account has its own part of the room:
// when that is full, higher blocks give way to lower ones, which have to be decided first. Its counters are always
// those of what is in it.
type pool struct {
	*verdicts
	entries map[primitives.Hash]*entry
	uses    map[account]*use
	most    use // of one account
	atVM    int // blocks of all accounts that are being verified
}

// use is what is kept for an account.
type use struct {
	blocks, bytes     int
	verifying, issued int // of the blocks
}

type state uint8

const (
	waiting   state = iota // for its parent to be issued, for its time, or set aside
	verifying              // by the VM
	issued                 // in the tree
)

// entry is a block that isn't decided. Its state is changed by the pool alone.
type entry struct {
	block   *block.Block
	state   state
	from    primitives.NodeID // who sent it; this node for its own
	account account
	came    time.Time
	// due is when a block from the future, or one that was set aside, may be looked at; zero for all others.
	due time.Time
	// failures is how often the VM couldn't judge it.
	failures int
	// unwanted is set when a block loses its place while the VM judges it.
	unwanted bool
}

// newPool makes an empty pool on a chain of so many validators.
func newPool(validators int) *pool {
	return &pool{
		verdicts: newVerdicts(validators), entries: make(map[primitives.Hash]*entry), uses: make(map[account]*use),
		most: use{
			blocks: part(maxUndecided, ofUndecided, validators), bytes: part(maxBytes, ofBytes, validators),
			verifying: maxVerifying,
		},
	}
}

func (p *pool) get(id primitives.Hash) *entry { return p.entries[id] }

func (p *pool) len() int { return len(p.entries) }

// use is what is kept for an account now.
func (p *pool) use(a account) use {
	if u := p.uses[a]; u != nil {
		return *u
	}
	return use{}
}

// mayHold tells whether a block of a height could be kept for an account, of whatever size.
func (p *pool) mayHold(a account, height uint64) bool {
	u := p.use(a)
	return u.blocks < p.most.blocks && u.bytes < p.most.bytes || p.highest(a, height) != nil
}

// makeRoom has higher blocks that wait give way to a block of an account. False: there is no room for it.
func (p *pool) makeRoom(a account, b *block.Block) bool {
	for {
		u := p.use(a)
		if u.blocks < p.most.blocks && u.bytes+len(b.Bytes()) <= p.most.bytes {
			return true
		}
		e := p.highest(a, b.Height)
		if e == nil {
			return false
		}
		p.forget(e)
	}
}

// highest is the highest of an account's blocks that wait above a height. Nil: there is none.
func (p *pool) highest(a account, above uint64) (highest *entry) {
	for _, e := range p.entries { // the order doesn't show in the result
		if e.account != a || e.state != waiting || e.block.Height <= above {
			continue
		}
		if highest == nil || compareEntries(highest, e) < 0 {
			highest = e
		}
	}
	return highest
}

func (p *pool) add(e *entry) {
	p.entries[e.block.ID()] = e
	p.count(e, 1)
}

// enter changes what is done with a block.
func (p *pool) enter(e *entry, s state) {
	p.count(e, -1)
	e.state, e.due = s, time.Time{}
	p.count(e, 1)
}

func (p *pool) count(e *entry, by int) {
	u := p.uses[e.account]
	if u == nil {
		u = &use{}
		p.uses[e.account] = u
	}
	u.blocks += by
	u.bytes += by * len(e.block.Bytes())
	switch e.state {
	case verifying:
		u.verifying += by
		p.atVM += by
	case issued:
		u.issued += by
	}
	if u.blocks == 0 {
		delete(p.uses, e.account)
	}
}

// forget takes a block out, unless it has been already.
func (p *pool) forget(e *entry) {
	if p.entries[e.block.ID()] == e {
		delete(p.entries, e.block.ID())
		p.count(e, -1)
	}
}

// contested tells whether another block is known for the place of this one.
func (p *pool) contested(b *block.Block) bool {
	for _, e := range p.entries {
		if e.block.Parent == b.Parent && e.block != b && !e.unwanted {
			return true
		}
	}
	return false
}

// lose takes a block out that can't be accepted any more, and everything that waits for it, and remembers their ids.
func (p *pool) lose(e *entry) {
	p.mark(e.block, e.account, lost)
	p.forget(e)
	p.loseDescendants(e.block.ID())
}

// loseDescendants takes everything out that waits for a block that is lost.
func (p *pool) loseDescendants(id primitives.Hash) {
	for _, e := range p.waitingFor(id) {
		p.lose(e)
	}
}

// condemn takes a block out that can never be valid, and everything that waits for it, and remembers their ids.
func (p *pool) condemn(e *entry) {
	p.mark(e.block, e.account, invalid)
	p.forget(e)
	for _, d := range p.waitingFor(e.block.ID()) {
		p.condemn(d)
	}
}

// waitingFor lists the blocks that wait for a parent.
func (p *pool) waitingFor(parent primitives.Hash) (list []*entry) {
	for _, e := range p.entries { // sorted below
		if e.block.Parent == parent && e.state == waiting {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, compareEntries)
	return list
}

// sorted lists what isn't decided, parents before children.
func (p *pool) sorted() []*entry {
	list := make([]*entry, 0, len(p.entries))
	for _, e := range p.entries {
		list = append(list, e)
	}
	slices.SortFunc(list, compareEntries)
	return list
}

func compareEntries(a, b *entry) int {
	if a.block.Height != b.block.Height {
		return compare(a.block.Height, b.block.Height)
	}
	return a.block.ID().Compare(b.block.ID())
}

func compare[T cmp.Ordered](a, b T) int { return cmp.Compare(a, b) }
