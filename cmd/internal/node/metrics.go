package node

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/reevenet/reeve/overseer"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
)

// busMetrics shows the bus to Prometheus, read from the overseer when it is asked.
type busMetrics struct{ server *overseer.Server }

var (
	deliveredDesc = prometheus.NewDesc("reeve_bus_messages_total", "Messages delivered, by receiver and lane.",
		[]string{"to", "chain", "lane"}, nil)
	bytesDesc = prometheus.NewDesc("reeve_bus_bytes_total", "Bytes delivered, by receiver and lane.",
		[]string{"to", "chain", "lane"}, nil)
	queueDesc = prometheus.NewDesc("reeve_bus_queue_seconds_total", "Time that messages waited in the overseer.",
		[]string{"to", "chain", "lane"}, nil)
	depthDesc = prometheus.NewDesc("reeve_bus_queue_depth", "Messages that wait in the overseer.",
		[]string{"to", "chain"}, nil)
	flightDesc = prometheus.NewDesc("reeve_bus_in_flight", "Messages delivered and not yet finished.",
		[]string{"to", "chain"}, nil)
	attachedDesc = prometheus.NewDesc("reeve_bus_attached", "Instances attached.", []string{"subsystem", "chain"},
		nil)
	startsDesc = prometheus.NewDesc("reeve_subsystem_starts_total", "Attachments since the overseer started.",
		[]string{"subsystem", "chain"}, nil)
	memoryDesc = prometheus.NewDesc("reeve_subsystem_resident_bytes", "Resident memory, by instance.",
		[]string{"subsystem", "chain", "instance"}, nil)
	openDesc  = prometheus.NewDesc("reeve_bus_open_requests", "Requests without an end yet.", nil, nil)
	boundDesc = prometheus.NewDesc("reeve_bus_bound_bytes",
		"The most memory that all mailboxes together can take: the sum of the credits.", nil, nil)
	outcomesDesc = prometheus.NewDesc("reeve_bus_events_total", "What happened on the bus, by kind.",
		[]string{"kind"}, nil)
	busDescriptors = []*prometheus.Desc{
		deliveredDesc, bytesDesc, queueDesc, depthDesc, flightDesc, attachedDesc, startsDesc, memoryDesc, openDesc,
		boundDesc, outcomesDesc,
	}
)

func (m *busMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range busDescriptors {
		ch <- d
	}
}

// Collect reads the bus.
func (m *busMetrics) Collect(ch chan<- prometheus.Metric) {
	st := m.server.Status()
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, s := range st.Subsystems {
		inFlight, depth := 0, s.Waiting
		for _, i := range s.Instances {
			inFlight, depth = inFlight+i.InFlight, depth+i.Queued
			gauge(memoryDesc, float64(i.RSS), s.Name, s.Chain, i.Name)
		}
		gauge(depthDesc, float64(depth), s.Name, s.Chain)
		gauge(flightDesc, float64(inFlight), s.Name, s.Chain)
		gauge(attachedDesc, float64(len(s.Instances)), s.Name, s.Chain)
		counter(startsDesc, float64(s.Starts), s.Name, s.Chain)
		for lane, l := range s.Lanes {
			if l.Delivered > 0 {
				counter(deliveredDesc, float64(l.Delivered), s.Name, s.Chain, laneName(lane))
				counter(bytesDesc, float64(l.Bytes), s.Name, s.Chain, laneName(lane))
				counter(queueDesc, float64(l.QueueNanos)/1e9, s.Name, s.Chain, laneName(lane))
			}
		}
	}
	gauge(openDesc, float64(st.Open))
	gauge(boundDesc, float64(st.Bound))
	for kind, n := range map[string]uint64{
		"message": st.Counts.Messages, "reply": st.Counts.Replies, "signal": st.Counts.Signals,
		"refused": st.Counts.Refused, "late": st.Counts.Late,
		"redelivered": st.Counts.Redelivered, "quarantined": st.Counts.Quarantined, "expired": st.Counts.Expired,
	} {
		counter(outcomesDesc, float64(n), kind)
	}
}

func laneName(lane int) string {
	return strings.ToLower(strings.TrimPrefix(optionsv1.Lane(lane).String(), "LANE_"))
}
