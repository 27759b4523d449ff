package consensus

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/simtest"
)

// Forty validators in two halves, of which neither is a quorum: when the network is whole again the next block is
// decided within two seconds.
func TestFortyValidatorsGoOnSoonAfterAPartition(t *testing.T) {
	simtest.Once(t)
	seeds := simtest.Pick[uint64](5, 1, 1)
	const parts, heals = 4 * time.Second, 12 * time.Second
	for seed := range seeds {
		var before int
		var next time.Duration
		parted := func(net *network) {
			net.equal(40)
			net.quiet = 2 * time.Second
			w := net.World
			w.Clock.After(parts, func() {
				w.Part(heals-parts, func(from, to int) bool { return (from < 20) != (to < 20) })
			})
			w.Clock.After(heals, func() { before = len(net.chains[0].final) })
			var look func()
			look = func() {
				if len(net.chains[0].final) > before {
					next = w.Clock.Elapsed() - heals
					return
				}
				w.Clock.After(5*time.Millisecond, look)
			}
			w.Clock.After(heals+time.Millisecond, look)
		}
		cfg := sim.Config{Calm: true, Duration: heals + 3*time.Second}
		out := sim.Run(cfg, New(Config{tune: parted}), 1+seed)
		fails(t, out)
		t.Logf("seed %d: %d heights before it healed, the next block %v after", out.Seed, before-1, next)
		if next == 0 || next > 2*time.Second {
			t.Errorf("seed %d: the next block took %v", out.Seed, next)
		}
	}
}
