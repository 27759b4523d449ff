package tree

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
)

// Vote is what one voter of a poll said.
type Vote struct {
	// Block is what it prefers: the nearest known ancestor, when the block itself isn't here.
	Block primitives.Hash
	// Units is its weight in the poll.
	Units int
}

// Record counts one finished poll, and tells whether it confirmed the lowest block of the preferred chain. Votes for
// blocks that aren't here count for nothing.
func (t *Tree) Record(votes []Vote) (confirmed bool) {
	t.count(votes)
	confirmed = t.choose(t.root)
	for _, n := range t.order {
		t.choose(n)
	}
	t.prefer()
	return confirmed
}

// count adds every vote to the block it names and to all the block's ancestors.
func (t *Tree) count(votes []Vote) {
	for _, n := range t.order {
		n.votes = 0
	}
	for _, v := range votes {
		if n := t.blocks[v.Block]; n != nil {
			n.votes += v.Units
		}
	}
	for _, n := range slices.Backward(t.order) {
		n.parent.votes += n.votes
	}
	t.root.votes = 0
}

// choose tells the instance between a block's children what the poll said.
func (t *Tree) choose(n *node) (confirmed bool) {
	if len(n.children) == 0 {
		return false
	}
	t.tallies = t.tallies[:0]
	for _, c := range n.children {
		if c.votes > 0 {
			t.tallies = append(t.tallies, snowball.Tally{Choice: c.id, Rank: c.slot, Votes: c.votes})
		}
	}
	return n.flake.Record(&t.params, t.tallies)
}

// Accept moves the last accepted block to a child of it, because it is decided. It returns what that rejects.
func (t *Tree) Accept(id primitives.Hash) (rejected []primitives.Hash, ok bool) {
	if n := t.blocks[id]; n == nil || n.parent != t.root {
		return nil, false
	}
	rejected = t.advance(id)
	t.prefer()
	return rejected, true
}

func (t *Tree) advance(id primitives.Hash) (rejected []primitives.Hash) {
	next := t.blocks[id]
	delete(t.blocks, t.root.id)
	keep := t.order[:0]
	for _, n := range t.order {
		switch {
		case n == next:
		case t.blocks[n.parent.id] == n.parent && n.parent != t.root:
			keep = append(keep, n) // its parent is still here, and parents come first
		default:
			delete(t.blocks, n.id)
			rejected = append(rejected, n.id)
		}
	}
	clear(t.order[len(keep):])
	t.order, t.root = keep, next
	next.parent = nil
	return rejected
}

// prefer follows the instances' preferences to the tip.
func (t *Tree) prefer() {
	n := t.root
	for len(n.children) > 0 {
		n = t.blocks[n.flake.Preference()]
	}
	t.tip = n
}
