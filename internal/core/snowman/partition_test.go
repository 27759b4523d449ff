package snowman

import (
	"testing"
	"time"
)

// partition cuts a network that has work off into two, for so long. parts: the links break, too, and are made again.
func (n *simnet) partition(first int, lasts time.Duration, parts bool) {
	n.run(3*time.Second, nil)
	n.workload(n.now + lasts + time.Second)
	n.run(n.now+time.Second, nil)
	apart := func(a, b int) bool { return (a < first) != (b < first) }
	n.cut = apart
	if parts {
		n.after(time.Second, func() {
			n.links(apart, func(a, b *simnode) { a.step(PeerDisconnected{Node: b.id}) })
		})
	}
	n.run(n.now+lasts, nil)
	n.cut = nil
	if parts {
		n.links(apart, func(a, b *simnode) {
			n.after(n.slow(), func() { a.step(PeerConnected{Node: b.id}) })
		})
	}
}

// links does something on each end of each link of a kind.
func (n *simnet) links(which func(a, b int) bool, do func(a, b *simnode)) {
	for _, a := range n.nodes {
		for _, b := range n.nodes {
			if a != b && which(a.index, b.index) {
				do(a, b)
			}
		}
	}
}

// everybodyHas tells whether every honest node has committed the height.
func (n *simnet) everybodyHas(height int) bool {
	for _, s := range n.nodes {
		if s.honest && s.core != nil && len(s.committed) < height {
			return false
		}
	}
	return true
}

// heals wants the next block on all nodes within two seconds of the partition's end.
func (n *simnet) heals(t *testing.T, seed uint64, first int, parts bool) {
	t.Helper()
	n.partition(first, 10*time.Second, parts)
	begin, next := n.now, len(n.final)+1
	n.offer()
	n.check(t, seed, n.run(begin+2*time.Second, func() bool { return n.everybodyHas(next) }))
	t.Logf("%d of %d cut off, links broken %v: height %d is everywhere after %v",
		first, len(n.nodes), parts, next, n.now-begin)
}

// Neither half is a quorum, so both have waited at the same height.
func TestWhenTwoHalvesMeetAgainTheNextBlockComesWithinTwoSeconds(t *testing.T) {
	for seed := range seeds(2) {
		for _, parts := range []bool{false, true} {
			newSimnet(seed, equal(40), nil).heals(t, seed, 20, parts)
		}
	}
}

// On links of 50 to 100 ms, with rivals at every height.
func TestFarHalvesWithRivalsMeetAgainWithinTwoSecondsToo(t *testing.T) {
	if testing.Short() {
		t.Skip("rivals at 40 validators cost much time")
	}
	for seed := range seeds(1) {
		n := newSimnet(seed, equal(40), func(n *simnet) {
			n.conflicts = true
			n.slow = func() time.Duration { return time.Duration(50+n.rng.IntN(50)) * time.Millisecond }
		})
		n.heals(t, seed, 20, true)
	}
}

// The others have gone on, and those who were cut off take part in the next block all the same.
func TestWhoWasCutOffHasTheNextBlockWithinTwoSeconds(t *testing.T) {
	if testing.Short() {
		t.Skip("27 validators who go on for ten seconds cost much time")
	}
	newSimnet(1, equal(40), nil).heals(t, 1, 13, true)
}
