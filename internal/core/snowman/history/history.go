// Package history remembers what was seen of the last heights, and when: the blocks that were issued, polls, votes, and
// the certificate. It is for people who ask why a block was decided or wasn't, and for noticing who contradicts itself
// when a height is over. Nothing is decided by it, and it is gone when the process ends.
//
// It is pure, and bounded: so many heights, and of each so much, of votes so many of each validator.
package history

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman/poll"
)

// The bounds.
const (
	Heights    = 64    // that are remembered, the highest; fewer where the validators are many
	allVotes   = 65536 // of all heights, if each validator votes twice at each
	leastKept  = 8     // heights
	VotesOfOne = 8     // of one validator at a height: the latest
	Blocks     = 32    // of a height: the first
	Polls      = 16    // of a height: the latest
)

// History is what is remembered.
type History struct {
	most    uint64 // heights
	heights map[uint64]*Height
	top     uint64
}

// Height is what is remembered of one height. It belongs to the History.
type Height struct {
	Number  uint64
	Blocks  []Block       // in the order in which they were issued
	Polls   []poll.Result // in the order in which they began
	Decided time.Time     // zero: it isn't, or was before this node began
	Durable time.Time
	// Certificate is that with which it was decided here. Nil: it isn't.
	Certificate *finality.Proof

	votes   map[int][]Vote // by validator, in the order in which they were seen
	accused map[int]bool
}

// Block is one that was issued.
type Block struct {
	ID           primitives.Hash
	Proposer     uint32
	Slot         uint64
	From         primitives.NodeID // who sent it; this node for its own
	Came, Issued time.Time
}

// Vote is a vote as it was first seen.
type Vote struct {
	finality.Signed
	At time.Time
	// Late: it came when the height was decided. Its validator has sent it, and nobody has checked the signature.
	Late bool
}

// New makes an empty history of a chain with so many validators.
func New(validators int) *History {
	return &History{most: uint64(Most(validators)), heights: make(map[uint64]*Height)}
}

// Most is how many heights are remembered where there are so many validators.
func Most(validators int) int { return min(Heights, max(leastKept, allVotes/(2*max(1, validators)))) }

// Len is how many votes are remembered.
func (h *History) Len() (votes int) {
	for _, at := range h.heights { // the order doesn't show in the result
		for _, list := range at.votes {
			votes += len(list)
		}
	}
	return votes
}

// Get is what is remembered of a height; nil: nothing.
func (h *History) Get(number uint64) *Height { return h.heights[number] }

// Find is the height at which a block was issued, voted for or decided.
func (h *History) Find(block primitives.Hash) *Height {
	for _, at := range h.heights { // a block has one height
		if at.names(block) {
			return at
		}
	}
	return nil
}

func (h *Height) names(block primitives.Hash) bool {
	for _, votes := range h.votes {
		if slices.ContainsFunc(votes, func(v Vote) bool { return v.Block == block }) {
			return true
		}
	}
	return h.Certificate != nil && h.Certificate.Block == block ||
		slices.ContainsFunc(h.Blocks, func(b Block) bool { return b.ID == block })
}

// At is where something about a height is to be entered. The lowest heights make room for higher ones; nil: this is one
// that would have to.
func (h *History) At(number uint64) *Height {
	if number+h.most <= h.top {
		return nil
	}
	if number > h.top {
		h.top = number
		for low := range h.heights {
			if low+h.most <= number {
				delete(h.heights, low)
			}
		}
	}
	if h.heights[number] == nil {
		h.heights[number] = &Height{Number: number, votes: make(map[int][]Vote), accused: make(map[int]bool)}
	}
	return h.heights[number]
}
