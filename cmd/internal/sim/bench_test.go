package sim

import "testing"

// BenchmarkHundredValidators is a network as large as the simulator promises to run: how long five heights take, without faults.
func BenchmarkHundredValidators(b *testing.B) {
	for range b.N {
		out := Run(Config{Validators: 100, Heights: 5, Calm: true}, 1)
		if len(out.Violations) > 0 || out.Height < 5 {
			b.Fatalf("%+v", out)
		}
		b.ReportMetric(float64(out.Steps), "steps")
		b.ReportMetric(float64(out.Count.Sent), "frames")
		b.ReportMetric(out.Virtual.Seconds(), "virtual-s")
	}
}
