package consensus

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/simtest"
)

// One validator's clock is hours off, again and again, and all others' are set back and forth. What users have brought
// is final all the same, everywhere.
func TestAValidatorWhoseClockGoesAstrayHoldsUpNobody(t *testing.T) {
	astray, jumps := uint64(0), uint64(0)
	for seed := range simtest.Pick[uint64](40, 8, 8) {
		cfg := sim.Config{Nodes: 4, Duration: 15 * time.Second, Only: []string{"jumps", "astray"}}
		out := sim.Run(cfg, New(Config{tune: func(net *network) { net.equal(4) }}), 1+seed)
		if out.Failed() {
			t.Errorf("seed %d: %+v, stuck: %s", 1+seed, out.Violations, out.Stuck)
		}
		astray += out.Faults["clocksAstray"]
		jumps += out.Faults["clockJumps"]
	}
	if astray == 0 || jumps <= 2*astray {
		t.Errorf("clocks went astray %d times, of %d that were set", astray, jumps)
	}
}
