package consensus

import (
	"testing"

	"github.com/reevenet/reeve/cmd/internal/sim"
)

// BenchmarkHundredValidators is a network as large as the simulator promises to run: how long five heights take,
// without faults.
func BenchmarkHundredValidators(b *testing.B) {
	for range b.N {
		out := sim.Run(sim.Config{Nodes: 100, Calm: true}, New(Config{Heights: 5}), 1)
		if len(out.Violations) > 0 || out.Progress["heights"] < 5 {
			b.Fatalf("%+v", out)
		}
		b.ReportMetric(float64(out.Steps), "steps")
		b.ReportMetric(float64(out.Faults["sent"]), "frames")
		b.ReportMetric(out.Virtual.Seconds(), "virtual-s")
	}
}
