package snowman

import (
	"flag"
	"slices"
	"testing"
	"time"
)

// storm lets a network run through conflicting proposals, loss, crashes and a partition, heals it, and wants everybody
// to agree.
func storm(seed uint64, size int, change func(*simnet)) (*simnet, bool) {
	n := newSimnet(seed, equal(size), func(n *simnet) {
		n.conflicts = true
		if change != nil {
			change(n)
		}
	})
	const calm = 20 * time.Second
	n.workload(calm)
	n.run(calm, nil)
	n.loss, n.cut = 0, nil
	for _, s := range n.nodes {
		if s.core == nil {
			s.boot()
		}
	}
	n.offer()
	return n, n.run(calm+2*time.Minute, func() bool { return n.agree(3) })
}

// workload: every 100 to 500 ms a transaction everywhere, and, with conflicts, blocks by two nodes at once.
func (n *simnet) workload(until time.Duration) {
	var next func()
	next = func() {
		if n.now >= until {
			return
		}
		n.offer()
		if n.conflicts {
			for range 2 {
				s := n.nodes[n.rng.IntN(len(n.nodes))]
				n.after(0, s.propose)
			}
		}
		n.after(time.Duration(100+n.rng.IntN(400))*time.Millisecond, next)
	}
	next()
}

// crashes kills a random node now and then and brings it back.
func (n *simnet) crashes(until time.Duration) {
	n.after(time.Duration(1+n.rng.IntN(3))*time.Second, func() {
		s := n.nodes[n.rng.IntN(len(n.nodes))]
		if n.now < until && s.core != nil && s.lie == truth {
			s.crash()
			n.after(time.Duration(200+n.rng.IntN(3000))*time.Millisecond, func() {
				if s.core == nil {
					s.boot()
				}
			})
			n.crashes(until)
		}
	})
}

var manySeeds = flag.Uint64("seeds", 0, "run every storm with this many seeds")

func seeds(count uint64) uint64 {
	if *manySeeds > 0 {
		return *manySeeds
	}
	if testing.Short() {
		return max(1, count/4)
	}
	return count
}

// sizes leaves out the larger networks where time is short: the cost of a storm grows with the square of the size.
func sizes(all ...int) []int {
	if testing.Short() {
		all = slices.DeleteFunc(all, func(size int) bool { return size > 7 })
	}
	return all
}

func TestConflictsEnd(t *testing.T) {
	for _, size := range sizes(2, 3, 4, 5, 20) {
		for seed := range seeds(1) {
			n, done := storm(seed, size, nil)
			n.check(t, seed, done)
		}
	}
}

func TestConflictsEndWithOneValidatorGone(t *testing.T) {
	for _, size := range []int{4, 5, 7} {
		for seed := range seeds(3) {
			n := newSimnet(seed, equal(size), nil)
			n.run(4*time.Second, nil)
			n.nodes[0].crash()
			for range 10 {
				n.offer()
				for _, s := range n.nodes[1:3] {
					n.after(0, s.propose)
				}
				n.run(n.now+300*time.Millisecond, nil)
			}
			n.check(t, seed, n.run(n.now+20*time.Second, func() bool { return n.agree(10) }))
		}
	}
}

func TestLossAndCrashesAndAPartition(t *testing.T) {
	for _, size := range []int{4, 5, 7} {
		for seed := range seeds(2) {
			n, done := storm(seed, size, func(n *simnet) {
				n.loss = float64(seed%5) * 0.04
				n.crashes(20 * time.Second)
				n.after(5*time.Second, func() { n.cut = func(a, b int) bool { return (a < size/2) != (b < size/2) } })
				n.after(9*time.Second, func() { n.cut = nil })
			})
			n.check(t, seed, done)
		}
	}
}

func TestLiars(t *testing.T) {
	for _, size := range sizes(4, 5, 7, 10) {
		for _, l := range []lie{randomly, perAsker, opposite, equivocate, twoFaced} {
			for seed := range seeds(1) {
				n, done := storm(seed, size, func(n *simnet) {
					for i := range (size - 1) / 3 {
						n.nodes[i].lie, n.nodes[i].honest = l, false
					}
					n.loss = float64(seed%3) * 0.01
				})
				n.check(t, seed, done)
				if l == equivocate && n.accused == 0 {
					t.Errorf("seed %d: nobody saw that there were two blocks for one slot", seed)
				}
			}
		}
	}
}

func TestLiarsAndEverythingElse(t *testing.T) {
	for _, size := range sizes(5, 6, 9, 13) {
		for seed := range seeds(1) {
			n, done := storm(seed, size, func(n *simnet) {
				liar := n.nodes[size-1]
				liar.lie, liar.honest = lie(1+(seed+uint64(size))%5), false
				n.loss = float64(seed%4) * 0.03
				n.crashes(20 * time.Second)
			})
			n.check(t, seed, done)
		}
	}
}

// The lights go out at any moment of a height, for all at once, and again before much was decided.
func TestAfterEveryPowerCutOfAllTheChainGoesOn(t *testing.T) {
	for _, size := range []int{1, 2, 4} {
		for seed := range seeds(3) {
			n := newSimnet(seed, equal(size), nil)
			for cuts := 0; cuts < 100 && !t.Failed(); cuts++ {
				n.offer()
				n.run(n.now+time.Duration(n.rng.IntN(30))*time.Millisecond, nil)
				for _, s := range n.nodes {
					s.crash()
				}
				for _, s := range n.nodes {
					s.boot()
				}
				n.offer()
				before := len(n.final)
				if !n.run(n.now+time.Minute, func() bool { return len(n.final) > before }) {
					t.Errorf("%d validators, seed %d: nothing is decided after cut %d: %s", size, seed, cuts,
						n.describe())
				}
			}
			n.check(t, seed, true)
		}
	}
}

func TestANodeThatWasDownCatchesUpWhileTheChainGoesOn(t *testing.T) {
	n := newSimnet(1, equal(5), nil)
	n.run(time.Second, nil)
	late := n.nodes[2]
	late.crash()
	late.committed, late.byID = nil, nil // one that joins new
	missed := 600
	if testing.Short() {
		missed = 150
	}
	for len(n.nodes[0].committed) < missed {
		n.offer()
		n.run(n.now+60*time.Millisecond, nil)
	}
	begin, from := n.now, len(n.nodes[0].committed)
	late.boot()
	var feed func()
	feed = func() {
		n.offer()
		if n.now < begin+10*time.Second {
			n.after(60*time.Millisecond, feed)
		}
	}
	feed()
	caughtUp := n.run(begin+10*time.Second, func() bool {
		return !late.core.catchUp.active() && len(late.committed)+2 >= len(n.nodes[0].committed)
	})
	n.check(t, 1, caughtUp)
	took, own := n.now-begin, len(n.nodes[0].committed)-from
	t.Logf("%d blocks in %v, while the chain made %d", len(late.committed), took, own)
	if own*10 > len(late.committed) {
		t.Errorf("%d blocks were caught up while the chain made %d", len(late.committed), own)
	}
	n.check(t, 1, n.run(n.now+20*time.Second, func() bool { return n.agree(uint64(missed)) }))
}
