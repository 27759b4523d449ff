package tree

import "github.com/reevenet/reeve/internal/core/primitives"

// Needed is how many more polls, all of them confirming, would make this node confident of the lowest block of the
// preferred chain.
func (t *Tree) Needed() int { return t.root.flake.Needed(&t.params) }

// Confident tells whether polls have confirmed the lowest block of the preferred chain often enough.
func (t *Tree) Confident() bool { return t.root.flake.Confident(&t.params) }

// Shared is the greatest height at which a block's chain and the preferred one are the same. False when the block isn't
// here.
func (t *Tree) Shared(id primitives.Hash) (height uint64, ok bool) {
	a, b := t.blocks[id], t.tip
	if a == nil {
		return 0, false
	}
	for a != b {
		if a.height >= b.height && a.parent != nil {
			a = a.parent
		} else {
			b = b.parent
		}
	}
	return a.height, true
}
