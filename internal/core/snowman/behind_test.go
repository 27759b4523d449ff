package snowman

import (
	"testing"
	"time"
)

// A validator that was cut off for hundreds of blocks is at the head of a busy chain soon after it is back: the chain
// doesn't wait for it.
func TestWhoWasAwayReachesTheHeadOfABusyChain(t *testing.T) {
	for seed := range seeds(4) {
		n := newSimnet(seed, equal(4), func(n *simnet) {
			n.slow = func() time.Duration { return time.Duration(1000+n.rng.IntN(3000)) * time.Microsecond }
		})
		n.run(time.Second, nil)
		n.busy(n.now + 30*time.Second)
		n.run(n.now+time.Second, nil)
		n.cut = func(a, b int) bool { return (a == 3) != (b == 3) }
		n.run(n.now+10*time.Second, nil)
		n.cut = nil
		healed, missed := n.now, len(n.final)-len(n.nodes[3].committed)
		there := n.run(n.now+10*time.Second, func() bool { return len(n.nodes[3].committed)+1 >= len(n.final) })
		n.check(t, seed, there)
		took, first := n.now-healed, len(n.final)
		t.Logf("it missed %d blocks and was at the head after %v", missed, took)
		var behind int
		n.run(n.now+5*time.Second, func() bool {
			behind = max(behind, len(n.final)-len(n.nodes[3].committed))
			return false
		})
		t.Logf("of the next %d it was %d behind at most", len(n.final)-first, behind)
		if missed < 200 || took > 3*time.Second || behind > 4 {
			t.Errorf("seed %d: %d missed, %v, then %d behind", seed, missed, took, behind)
		}
	}
}

// busy has somebody want something all the time.
func (n *simnet) busy(until time.Duration) {
	if n.now < until {
		n.offer()
		n.after(2*time.Millisecond, func() { n.busy(until) })
	}
}
