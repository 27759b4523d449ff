package snowman

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// Blocks on which all VMs fail are never decided, and the others are, as if nothing had been.
func TestBlocksOnWhichEveryVMFailsStopNobody(t *testing.T) {
	for _, size := range []int{1, 2, 4, 7} {
		for seed := range seeds(3) {
			deadly := make(map[primitives.Hash]bool)
			n := newSimnet(seed, equal(size), func(n *simnet) {
				n.fails = func(_ *simnode, b *block.Block) time.Duration {
					if len(deadly) < 3 {
						deadly[b.ID()] = true
					}
					if deadly[b.ID()] {
						return 5 * time.Millisecond
					}
					return 0
				}
			})
			n.workload(time.Minute)
			n.check(t, seed, n.run(time.Minute, func() bool { return n.agree(20) }))
			for _, id := range n.final {
				if deadly[id] {
					t.Errorf("seed %d: a block was decided that no VM has judged", seed)
				}
			}
			if len(deadly) != 3 {
				t.Errorf("seed %d: %d blocks were deadly", seed, len(deadly))
			}
		}
	}
}

// VMs that fail now and then, each on other blocks, hold up nothing for good.
func TestVMsThatFailNowAndThenEverywhere(t *testing.T) {
	for _, size := range sizes(4, 7) {
		for seed := range seeds(2) {
			n, done := storm(seed, size, func(n *simnet) {
				n.loss = float64(seed%3) * 0.02
				n.crashes(20 * time.Second)
				n.fails = func(*simnode, *block.Block) time.Duration {
					if n.rng.IntN(10) == 0 {
						return time.Duration(1+n.rng.IntN(100)) * time.Millisecond
					}
					return 0
				}
			})
			n.check(t, seed, done)
		}
	}
}

// A validator that makes nothing but blocks on which VMs hang takes a part of their time that gets less and less: the
// others' blocks are decided.
func TestAValidatorWhoseBlocksAllHangTakesLittleOfTheVMsTime(t *testing.T) {
	n := newSimnet(4, equal(4), func(n *simnet) {
		n.fails = func(_ *simnode, b *block.Block) time.Duration {
			if b.Proposer == 0 {
				return 10 * time.Second
			}
			return 0
		}
	})
	const limit = 3 * time.Minute
	n.workload(limit)
	n.check(t, 4, n.run(limit, func() bool { return n.agree(100) }))
	t.Logf("100 blocks in %v", n.now)
}

// A node whose VM can't execute what is decided keeps a bounded part of it, waits without work, and follows when it
// can: whether it votes, or catches up.
func TestANodeWhoseVMIsStuckKeepsAWindowOfWhatIsDecided(t *testing.T) {
	for _, catchesUp := range []bool{false, true} {
		n := newSimnet(1, equal(4), nil)
		n.run(time.Second, nil)
		stuck := n.nodes[3]
		if catchesUp {
			stuck.crash()
		}
		stuck.stalls = true
		for len(n.nodes[0].committed) < 3*window {
			n.offer()
			n.run(n.now+60*time.Millisecond, nil)
		}
		if catchesUp {
			stuck.boot()
			n.run(n.now+10*time.Second, nil)
		}
		kept, active := len(stuck.core.accepted.pending), stuck.core.catchUp.active()
		if kept != window || len(stuck.committed) != 0 || active != catchesUp {
			t.Errorf("%d decided blocks are kept, %d executed, catching up: %v", kept, len(stuck.committed), active)
		}
		before := n.steps
		n.run(n.now+10*time.Second, nil)
		if k := n.steps - before; k > 5000 {
			t.Errorf("%d inputs in ten idle seconds", k)
		}
		stuck.stalls = false
		stuck.perform(stuck.stalled)
		n.check(t, 1, n.run(n.now+30*time.Second, func() bool { return n.agree(3 * window) }))
	}
}
