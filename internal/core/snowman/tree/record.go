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
	// Accepted is the last block that it says it has accepted; see snowball.Tally.Claims. May be unknown here.
	Accepted primitives.Hash
	// Units is its weight in the poll.
	Units int
}

// Decision is what a poll decided: blocks to accept, in height order, and blocks to reject, parents before children.
type Decision struct {
	Accept, Reject []primitives.Hash
}

// Record counts one finished poll. Votes for blocks that aren't here count for nothing. trusting: see
// snowball.Flake.Record.
func (t *Tree) Record(votes []Vote, trusting bool) Decision {
	t.count(votes)
	t.decide(t.root, trusting)
	for _, n := range t.order {
		t.decide(n, trusting)
	}
	d := t.settle()
	t.prefer()
	return d
}

// count adds every vote to the block it names and to all the block's ancestors.
func (t *Tree) count(votes []Vote) {
	for _, n := range t.order {
		n.votes, n.claims = 0, 0
	}
	for _, v := range votes {
		if n := t.blocks[v.Block]; n != nil {
			n.votes += v.Units
		}
		if n := t.blocks[v.Accepted]; n != nil {
			n.claims += v.Units
		}
	}
	for _, n := range slices.Backward(t.order) {
		n.parent.votes += n.votes
		n.parent.claims += n.claims
	}
	t.root.votes, t.root.claims = 0, 0
}

// decide tells the instance between a block's children what the poll said.
func (t *Tree) decide(n *node, trusting bool) {
	if len(n.children) == 0 {
		return
	}
	t.tallies = t.tallies[:0]
	for _, c := range n.children {
		if c.votes > 0 || c.claims > 0 {
			t.tallies = append(t.tallies, snowball.Tally{Choice: c.id, Rank: c.slot, Votes: c.votes, Claims: c.claims})
		}
	}
	n.flake.Record(&t.params, t.tallies, trusting)
}

// settle accepts as far as the decisions reach without a gap.
func (t *Tree) settle() (d Decision) {
	for t.root.flake.Decided() {
		id := t.root.flake.Preference()
		d.Accept = append(d.Accept, id)
		d.Reject = append(d.Reject, t.advance(id)...)
	}
	return d
}

// Accept moves the last accepted block to a child of it, because the network has decided so. It returns what that
// rejects.
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

// prefer follows the instances' preferences to the tip, and notes where the first one wavers.
func (t *Tree) prefer() {
	n := t.root
	t.vote = nil
	for len(n.children) > 0 {
		if t.vote == nil && n.flake.Wavers() {
			t.vote = n
		}
		n = t.blocks[n.flake.Preference()]
	}
	t.tip = n
	if t.vote == nil {
		t.vote = n
	}
}
