package tree

import "github.com/reevenet/reeve/internal/core/primitives"

// Needed is how many more polls, all of them confirming, would decide the preferred chain up to a height. unanimous:
// they may be expected to be so.
func (t *Tree) Needed(height uint64, unanimous bool) int {
	need := 0
	for n := t.tip; n != t.root; n = n.parent {
		if n.height <= height {
			need = max(need, n.parent.flake.Needed(&t.params, unanimous))
		}
	}
	return need
}

// Confirms tells whether the last poll confirmed the lowest undecided block of the preferred chain.
func (t *Tree) Confirms() bool { return t.root.flake.Confidence() > 0 }

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
