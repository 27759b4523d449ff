package snowman

import (
	"cmp"
	"time"

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
	recentBlocks  = 1024     // ids
)

// What conduct costs; a peer is dropped at 1000.
const (
	costUndecodable = 100
	costForged      = 500
	costInvalid     = 200
	costUseless     = 20
)

// memory bounds what is kept: a flood of signed blocks costs its validator its own share only.
type memory struct {
	count, bytes int
	of           map[uint32]int
	invalid      map[primitives.Hash]primitives.Hash // to the parent
	order        []primitives.Hash                   // oldest first
}

func (m *memory) room(b *block.Block) bool {
	return m.count < maxUndecided && m.bytes+len(b.Bytes()) <= maxBytes && m.of[b.Proposer] < maxOfProposer
}

func (m *memory) add(b *block.Block) {
	if m.of == nil {
		m.of = make(map[uint32]int)
	}
	m.count++
	m.bytes += len(b.Bytes())
	m.of[b.Proposer]++
}

func (m *memory) remove(b *block.Block) {
	m.count--
	m.bytes -= len(b.Bytes())
	if m.of[b.Proposer]--; m.of[b.Proposer] == 0 {
		delete(m.of, b.Proposer)
	}
}

func (m *memory) markInvalid(b *block.Block) {
	if m.invalid == nil {
		m.invalid = make(map[primitives.Hash]primitives.Hash)
	}
	if len(m.order) == maxInvalid {
		delete(m.invalid, m.order[0])
		m.order = m.order[1:]
	}
	m.invalid[b.ID()] = b.Parent
	m.order = append(m.order, b.ID())
}

func (m *memory) isInvalid(id primitives.Hash) bool {
	_, yes := m.invalid[id]
	return yes
}

// recent remembers the latest decided blocks, so that a vote of somebody who lags isn't taken for one about an unknown block.
type recent struct {
	heights map[primitives.Hash]uint64
	ids     map[uint64]primitives.Hash
	lowest  uint64
}

func (r *recent) add(id primitives.Hash, height uint64) {
	if r.heights == nil {
		r.heights, r.ids, r.lowest = make(map[primitives.Hash]uint64), make(map[uint64]primitives.Hash), height
	}
	r.heights[id], r.ids[height] = height, id
	for ; len(r.ids) > recentBlocks; r.lowest++ {
		delete(r.heights, r.ids[r.lowest])
		delete(r.ids, r.lowest)
	}
}

func (r *recent) has(id primitives.Hash) bool {
	_, ok := r.heights[id]
	return ok
}

func compare[T cmp.Ordered](a, b T) int { return cmp.Compare(a, b) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
