package consensus

import (
	"fmt"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/simtest"
)

// near makes links as quick as between machines of a city: whoever waits has time for much.
func (net *network) near() {
	net.World.Timing.Near, net.World.Timing.Far = 2*time.Millisecond, 3*time.Millisecond
}

// Liars who control only what they answer, and when. An engine that decided by polls was forked by them: one of five in
// 2 of 20 seeds, one of thirteen in 4 of 20, four of twenty in 2 of 20.
func TestLiarsWhoChooseWhatAndWhenForkNobody(t *testing.T) {
	networks := []struct{ size, liars int }{{5, 1}, {4, 1}, {13, 4}, {13, 1}, {20, 4}}
	seeds := simtest.Pick[uint64](20, 3, 1)
	networks = networks[:simtest.Pick(5, 3, 2)]
	for _, n := range networks {
		for _, lie := range []Lie{Plot, Wait} {
			t.Run(fmt.Sprintf("%d of %d %s", n.liars, n.size, lie), func(t *testing.T) {
				for seed := range seeds {
					divided := func(net *network) {
						net.equal(n.size)
						net.near()
						net.always(net.someLiars(lie, n.liars))
					}
					out := sim.Run(sim.Config{Calm: true, Duration: 8 * time.Second}, New(Config{tune: divided}),
						1+seed)
					fails(t, out)
					if out.Faults["lies"] == 0 {
						t.Errorf("seed %d: nobody lied", out.Seed)
					}
				}
			})
		}
	}
}

// Every kind of liar, at the largest tolerated stake, with stakes as drawn.
func TestNoKindOfLiarForksOrStopsAnybody(t *testing.T) {
	seeds := simtest.Pick[uint64](10, 2, 1)
	var evidence uint64
	for _, lie := range Lies {
		for seed := range seeds {
			lying := func(net *network) {
				net.near()
				liars := sim.Fault{Name: "liars", Begin: net.lies.draw}
				net.always(liars)
			}
			cfg := sim.Config{Nodes: 4 + int(seed), Calm: true, Duration: 5 * time.Second}
			out := sim.Run(cfg, New(Config{Lies: []Lie{lie}, tune: lying}), 1+seed)
			fails(t, out)
			if out.Progress["heights"] == 0 {
				t.Errorf("%s, seed %d: nothing was decided", lie, out.Seed)
			}
			evidence += out.Progress["evidence"]
		}
	}
	if evidence == 0 {
		t.Error("they signed two things, and nobody proved it")
	}
}

// The lights go out when one node has decided and the others have not, and they come back without it: what it has told
// its users stays.
func TestWhoIsAheadAndCutOffIsNotForkedFrom(t *testing.T) {
	seeds := simtest.Pick[uint64](40, 6, 2)
	for _, size := range []int{1, 2, 3, 4, 7} {
		var struck uint64
		for seed := range seeds {
			cutOff := func(net *network) { net.always(net.ahead.fault(time.Second, 2*time.Second)) }
			out := sim.Run(sim.Config{Nodes: size, Calm: true, Duration: 10 * time.Second}, New(Config{tune: cutOff}),
				1+seed)
			fails(t, out)
			struck += out.Faults["cutOffAhead"]
		}
		if struck < seeds {
			t.Errorf("%d validators: it happened only %d times in %d seeds", size, struck, seeds)
		}
	}
}
