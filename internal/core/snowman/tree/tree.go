// Package tree holds the undecided blocks of a chain and counts votes over them. A vote for a block is a vote for all
// its ancestors; between the children of each block a snowball.Flake decides; a block is accepted only after its
// parent, and with it everything that conflicts with it is rejected. The tree doesn't know what a block contains, who
// voted, or when.
package tree

import (
	"fmt"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
)

// Tree is a chain's last accepted block and all that has been issued above it.
type Tree struct {
	params snowball.Parameters
	root   *node
	blocks map[primitives.Hash]*node // the root and all that are processing
	order  []*node                   // all that are processing, parents before children, oldest first among equals
	tip    *node                     // of the preferred chain

	tallies []snowball.Tally // scratch
}

type node struct {
	id       primitives.Hash
	height   uint64
	slot     uint64
	parent   *node
	children []*node
	flake    snowball.Flake // between the children
	votes    int            // of the poll that is being recorded
}

// New begins with the last accepted block.
func New(params snowball.Parameters, root primitives.Hash, height uint64) *Tree {
	n := &node{id: root, height: height}
	return &Tree{params: params, root: n, tip: n, blocks: map[primitives.Hash]*node{root: n}}
}

// Add issues a block. Its parent must be the last accepted block or be processing. slot is its proposer's place in the
// order that is drawn from the parent: of blocks that are equal otherwise, the earlier proposer's is preferred.
func (t *Tree) Add(id, parent primitives.Hash, height, slot uint64) error {
	p, ok := t.blocks[parent]
	switch {
	case t.blocks[id] != nil:
		return fmt.Errorf("block %s has been issued before", id.Short())
	case !ok:
		return fmt.Errorf("block %s can't be issued: its parent %s is neither accepted last nor processing",
			id.Short(), parent.Short())
	case height != p.height+1:
		return fmt.Errorf("block %s can't be issued: it has height %d and its parent %d", id.Short(), height, p.height)
	}
	n := &node{id: id, height: height, slot: slot, parent: p}
	p.children = append(p.children, n)
	p.flake.Add(id)
	t.blocks[id] = n
	at := len(t.order)
	for at > 0 && t.order[at-1].height > height {
		at--
	}
	t.order = slices.Insert(t.order, at, n)
	t.prefer()
	return nil
}

// Len is the number of blocks that are processing.
func (t *Tree) Len() int { return len(t.order) }

// Knows tells whether a block is processing or accepted last: whether a child of it can be issued.
func (t *Tree) Knows(id primitives.Hash) bool { return t.blocks[id] != nil }

// Candidates lists the children of the last accepted block, in the order in which they were issued.
func (t *Tree) Candidates() []primitives.Hash {
	ids := make([]primitives.Hash, len(t.root.children))
	for i, n := range t.root.children {
		ids[i] = n.id
	}
	return ids
}

// Blocks lists what is processing, parents before children.
func (t *Tree) Blocks() []primitives.Hash {
	ids := make([]primitives.Hash, len(t.order))
	for i, n := range t.order {
		ids[i] = n.id
	}
	return ids
}

// Preference is the newest block of the preferred chain; the last accepted one when nothing is processing.
func (t *Tree) Preference() (id primitives.Hash, height uint64) { return t.tip.id, t.tip.height }

// PreferredAt is the block of the preferred chain at a height. Below the last accepted block and above the tip there is
// none.
func (t *Tree) PreferredAt(height uint64) (primitives.Hash, bool) {
	for n := t.tip; n != nil && n.height >= height; n = n.parent {
		if n.height == height {
			return n.id, true
		}
	}
	return primitives.Hash{}, false
}

// IsPreferred tells whether a block is on the preferred chain.
func (t *Tree) IsPreferred(id primitives.Hash) bool {
	n := t.blocks[id]
	if n == nil {
		return false
	}
	at, ok := t.PreferredAt(n.height)
	return ok && at == id
}
