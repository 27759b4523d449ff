package consensus

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/simtest"
	"github.com/reevenet/reeve/internal/core/finality"
)

// soon is long enough for what is bad to be found out, and for what isn't to settle.
var soon = sim.Config{Calm: true, Heal: 30 * time.Second}

// The controls: what is known to be bad must be found out, or the other stories prove nothing. The same networks in the
// same trouble, but with an engine and disks as they should be, pass: so it is the flaw that is found out.
func TestWhatIsKnownToBeBadIsFoundOut(t *testing.T) {
	seeds := simtest.Pick(40, 12, 12)
	found := map[Bad]string{
		QuorumOfHalf: "E1", PrepareSkipped: "E1", LocksForgotten: "E1", VotesBeforeSync: "signatures",
	}
	for bad, invariant := range found {
		t.Run(string(bad), func(t *testing.T) {
			caught := 0
			for seed := range uint64(seeds) {
				out := sim.Run(soon, New(Config{Bad: bad}), 1+seed)
				if len(out.Violations) == 0 || out.Violations[0].Invariant != invariant {
					continue
				}
				right := func(net *network) { net.flaws, net.lying = finality.Flaws{}, 0 }
				fails(t, sim.Run(soon, New(Config{Bad: bad, tune: right}), 1+seed))
				if caught++; testing.Short() {
					return
				}
			}
			t.Logf("%s is broken in %d of %d seeds", invariant, caught, seeds)
			if caught == 0 {
				t.Error("the simulation doesn't find what it has to")
			}
		})
	}
	if len(found) != len(controls) {
		t.Error("not every control is tried")
	}
}

// What is left of a fork under faults of all kinds is a fork, and the others can see it from what is printed.
func TestAForkIsShrunkToWhatItNeeds(t *testing.T) {
	simtest.Once(t)
	bad := New(Config{Bad: QuorumOfHalf})
	for seed := range uint64(40) {
		out := sim.Run(sim.Config{}, bad, seed)
		if len(out.Violations) == 0 || len(out.On) < 3 {
			continue
		}
		small, last := sim.Shrink(t.Context(), sim.Config{}, bad, out)
		if last.Violations[0].Invariant != "E1" {
			t.Errorf("seed %d is shrunk to something else: %+v", seed, last.Violations)
		}
		if len(last.On) >= len(out.On) || small.Duration >= 20*time.Second {
			continue // a fork that needs all of it
		}
		if again := sim.Run(small, bad, seed); again.TraceHash != last.TraceHash {
			t.Errorf("seed %d: the smallest run isn't repeated", seed)
		}
		return
	}
	t.Error("no seed forked and was shrunk")
}
