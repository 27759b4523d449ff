package snowman

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// recentBlocks is how many ids of decided blocks are kept.
const recentBlocks = 1024

// accepted is the chain of decided blocks: stable is the last durable one, pending are those above it that the VM is
// making durable, and root is the last of all. Each is the child of the one before it, and they become durable in this
// order.
//
// It remembers the ids of the latest, so that a vote of somebody who lags isn't taken for one about an unknown block.
type accepted struct {
	root, stable Anchor
	pending      []*block.Block

	heights map[primitives.Hash]uint64
	ids     map[uint64]primitives.Hash
	lowest  uint64
}

func newAccepted(last Anchor) *accepted {
	a := &accepted{
		root: last, stable: last, lowest: last.Height,
		heights: make(map[primitives.Hash]uint64), ids: make(map[uint64]primitives.Hash),
	}
	a.remember(last.ID, last.Height)
	return a
}

// push puts a block on top.
func (a *accepted) push(b *block.Block) {
	a.pending = append(a.pending, b)
	a.root = Anchor{ID: b.ID(), Height: b.Height, Time: b.Time}
	a.remember(b.ID(), b.Height)
}

// commit notes that the lowest pending block is durable, and returns it. Nil: id isn't that block's.
func (a *accepted) commit(id primitives.Hash) *block.Block {
	if len(a.pending) == 0 || a.pending[0].ID() != id {
		return nil
	}
	b := a.pending[0]
	a.pending[0] = nil
	a.pending = a.pending[1:]
	a.stable = Anchor{ID: id, Height: b.Height, Time: b.Time}
	return b
}

func (a *accepted) remember(id primitives.Hash, height uint64) {
	a.heights[id], a.ids[height] = height, id
	for ; len(a.ids) > recentBlocks; a.lowest++ {
		delete(a.heights, a.ids[a.lowest])
		delete(a.ids, a.lowest)
	}
}

// has tells whether a block was decided lately.
func (a *accepted) has(id primitives.Hash) bool {
	_, ok := a.heights[id]
	return ok
}

// durable tells whether a block was decided lately, and is durable.
func (a *accepted) durable(id primitives.Hash) bool {
	height, ok := a.heights[id]
	return ok && height <= a.stable.Height
}

// at is the block of a height, if it was decided lately.
func (a *accepted) at(height uint64) (primitives.Hash, bool) {
	id, ok := a.ids[height]
	return id, ok
}

// find returns a block that is decided and not yet durable.
func (a *accepted) find(id primitives.Hash) (*block.Block, bool) {
	i := slices.IndexFunc(a.pending, func(b *block.Block) bool { return b.ID() == id })
	if i < 0 {
		return nil, false
	}
	return a.pending[i], true
}
