package parachain

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/simtest"
)

// soon is long enough for what is bad to be found out, and for what isn't to settle.
var soon = sim.Config{Calm: true, Duration: 8 * time.Second, Heal: 30 * time.Second}

// The controls: what is known to be bad must be found out, or the other stories prove nothing. The same networks in the
// same trouble, but as they should be, pass: so it is the flaw that is found out.
func TestWhatIsKnownToBeBadIsFoundOut(t *testing.T) {
	simtest.Once(t)
	found := map[Bad]string{ClaimsUnstored: "P4", AcksBeforeSync: "P5", CodeUnchecked: "P7"}
	for bad, invariant := range found {
		t.Run(string(bad), func(t *testing.T) {
			caught, seeds := 0, uint64(10)
			for seed := range seeds {
				out := sim.Run(soon, New(Config{Bad: bad}), 1+seed)
				if len(out.Violations) == 0 || out.Violations[0].Invariant != invariant {
					t.Logf("seed %d: %+v %s", 1+seed, out.Violations, out.Stuck)
					continue
				}
				right := func(net *network) { net.claims, net.unsynced, net.trusting = false, 0, false }
				fails(t, sim.Run(soon, New(Config{Bad: bad, tune: right}), 1+seed))
				if caught++; !simtest.Pick(true, false, false) {
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
