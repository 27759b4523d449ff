package node

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/services"
)

// partMetrics shows to Prometheus what the parts say of themselves, asked when it is read.
type partMetrics struct {
	report func(context.Context) (overseer.Report, error)
}

var (
	partLabels = []string{"part", "instance"}
	readyDesc  = prometheus.NewDesc("reeve_part_ready", "Whether all that a part needs to be at work holds.",
		partLabels, nil)
	fieldDesc = prometheus.NewDesc("reeve_part_status", "What a part says of itself, by field.",
		append(partLabels[:2:2], "field"), nil)
)

func (m *partMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- readyDesc
	ch <- fieldDesc
}

// Collect asks all parts.
func (m *partMetrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsTimeout)
	defer cancel()
	r, err := m.report(ctx)
	if err != nil {
		return // the bus is shown all the same
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, box := range r.Subsystems {
		name := services.Parts().ProcessOf(box.Name)
		for _, in := range box.Instances {
			said, answers := r.Said[in.Generation]
			if !answers || box.Name == askerName {
				continue
			}
			which, ready := instanceName(name, box, in), 0.0
			if said.GetReady() {
				ready = 1
			}
			gauge(readyDesc, ready, name, which)
			for field, v := range fieldsOf(said) {
				if number, ok := v.(int64); ok {
					gauge(fieldDesc, float64(number), name, which, field)
				}
			}
		}
	}
}
