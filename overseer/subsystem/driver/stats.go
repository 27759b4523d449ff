package driver

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// counters are what a machine counts for itself.
type counters struct {
	sent, late, double, shed, refused, unknown, undecodable uint64
}

// stats are the metrics that every subsystem has, labelled by variant. Handlers add their own only for what the
// protocol can't show.
type stats struct {
	registry *prometheus.Registry
	seconds  *prometheus.HistogramVec
	outcomes *prometheus.CounterVec
	shed     *prometheus.CounterVec
}

func newStats() *stats {
	s := &stats{
		registry: prometheus.NewRegistry(),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "reeve_subsystem_handle_seconds", Help: "Time that the handler took for one message.",
			Buckets: []float64{1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1},
		}, []string{"variant"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reeve_subsystem_asks_total", Help: "Asks that ended, by variant and outcome.",
		}, []string{"variant", "outcome"}),
		shed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reeve_subsystem_shed_total", Help: "Gossip that was not sent because its receiver had no room.",
		}, []string{"variant"}),
	}
	s.registry.MustRegister(s.seconds, s.outcomes, s.shed)
	return s
}

func (s *stats) outcome(v *registry.Variant, f *wire.Failure) {
	outcome := "ok"
	if f != nil {
		outcome = Kind(f.Code)
	}
	s.outcomes.WithLabelValues(v.Short(), outcome).Inc()
}
