package consensus

import (
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
)

// On links of 50 ms each way a block is final everywhere after the way of the block itself, of the prepare votes and
// of the commit votes, and a little for what nodes do: four one-way delays are the limit.
func TestABlockIsFinalWithinFourOneWayDelays(t *testing.T) {
	const link = 50 * time.Millisecond
	for _, size := range []int{4, 13} {
		var took []time.Duration
		distant := func(net *network) {
			net.equal(size)
			net.World.Timing.Near, net.World.Timing.Far = link, link
			watchDelays(net, &took)
		}
		out := sim.Run(sim.Config{Calm: true, Duration: 15 * time.Second}, New(Config{tune: distant}), 1)
		fails(t, out)
		if len(took) < 20*size {
			t.Fatalf("%d validators: only %d acceptances", size, len(took))
		}
		slices.Sort(took)
		p50, p90 := took[len(took)/2], took[len(took)*9/10]
		t.Logf("%d validators, %d acceptances: p50 %v, p90 %v", size, len(took), p50, p90)
		if p50 > 4*link {
			t.Errorf("%d validators: %v from a block's first frame to its acceptance", size, p50)
		}
	}
}

// watchDelays notes for every block and node how long after the proposer has sent the block the node accepts it.
func watchDelays(net *network, took *[]time.Duration) {
	sent := map[uint64]time.Duration{}
	accepted := make([]uint64, net.size)
	var look func()
	look = func() {
		now, c := net.World.Clock.Elapsed(), net.chains[0]
		for h := range c.votes.at {
			if _, known := sent[h]; !known {
				sent[h] = now
			}
		}
		for i, r := range c.replicas {
			for accepted[i] < r.Height() {
				accepted[i]++
				*took = append(*took, now-sent[accepted[i]])
			}
		}
		net.World.Clock.After(time.Millisecond, look)
	}
	net.World.Clock.After(time.Millisecond, look)
}

// The next block is built when a quorum has prepared the one below, so it is on its way while that one is committed:
// with something to build at all times a block is decided every two and a half one-way delays, not every three and
// more.
func TestWithEnoughToDoABlockIsDecidedInLessThanThreeOneWayDelays(t *testing.T) {
	const link, lasts = 50 * time.Millisecond, 5 * time.Second
	var height uint64
	busy := func(net *network) {
		net.equal(4)
		net.users, net.think, net.quiet = 10, link, 0
		net.World.Timing.Near, net.World.Timing.Far = link, link
		net.World.Clock.After(lasts, func() { height = net.chains[0].replicas[0].Height() })
	}
	fails(t, sim.Run(sim.Config{Calm: true, Duration: lasts}, New(Config{tune: busy}), 1))
	t.Logf("%d heights in %v", height, lasts)
	if height < uint64(lasts/(link*11/4)) {
		t.Error("blocks wait for each other")
	}
}
