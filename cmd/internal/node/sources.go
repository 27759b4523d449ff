package node

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/services"
)

// metricsTimeout is how long one process may take to tell its metrics; the others are shown without it then.
const metricsTimeout = time.Second

// labelled is a registry of a process's own metrics, all with the name of its part.
func labelled(part string) (*prometheus.Registry, prometheus.Registerer) {
	all := prometheus.NewRegistry()
	named := prometheus.WrapRegistererWith(prometheus.Labels{"part": part}, all)
	named.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return all, named
}

func metricsSocket(n *Node, part string) string { return n.Home.Socket(part + ".metrics") }

// tellMetrics serves a process's metrics on a unix socket, for the overseer to show, until ctx ends.
func (n *Node) tellMetrics(ctx context.Context, part string, all *prometheus.Registry) error {
	l, err := listen("unix", metricsSocket(n, part))
	if err != nil {
		return err
	}
	go func() {
		if err := gateway.Serve(ctx, ctx, l, promhttp.HandlerFor(all, promhttp.HandlerOpts{}), n.Log); err != nil {
			n.Log.Warn("metrics aren't shown any more", "why", err)
		}
	}()
	return nil
}

// sources gathers the metrics of all processes of a node, each within a time limit.
type sources struct {
	own   prometheus.Gatherer
	parts []source
	log   *slog.Logger
}

// source is one process's socket.
type source struct {
	part   string
	client *http.Client
}

var sourceDesc = "reeve_metrics_source_up"

func (n *Node) sources(own prometheus.Gatherer) *sources {
	s := &sources{own: own, log: n.Log}
	for _, name := range services.Parts().Names() {
		socket := metricsSocket(n, name)
		var d net.Dialer
		s.parts = append(s.parts, source{name, &http.Client{Timeout: metricsTimeout, Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", socket) },
		}}})
	}
	return s
}

// Gather asks all at once. A process that doesn't answer is shown as down.
func (s *sources) Gather() ([]*dto.MetricFamily, error) {
	got := make(prometheus.Gatherers, len(s.parts), len(s.parts)+2)
	up := &dto.MetricFamily{Name: &sourceDesc, Help: proto.String("Whether the process told its metrics."), Type: dto.MetricType_GAUGE.Enum(), Metric: make([]*dto.Metric, len(s.parts))}
	var wg sync.WaitGroup
	for i, p := range s.parts {
		wg.Go(func() {
			families, err := p.gather()
			answered := 1.0
			if err != nil {
				answered = 0
				s.log.Debug("a process doesn't tell its metrics", "part", p.part, "why", err)
			}
			up.Metric[i] = &dto.Metric{Label: []*dto.LabelPair{{Name: proto.String("part"), Value: proto.String(p.part)}}, Gauge: &dto.Gauge{Value: &answered}}
			got[i] = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, nil })
		})
	}
	wg.Wait()
	got = append(got, s.own, prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return []*dto.MetricFamily{up}, nil }))
	return got.Gather()
}

func (p source) gather() ([]*dto.MetricFamily, error) {
	r, err := p.client.Get("http://" + p.part + "/metrics")
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", r.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	byName, err := parser.TextToMetricFamilies(http.MaxBytesReader(nil, r.Body, 8<<20))
	if err != nil {
		return nil, err
	}
	families := make([]*dto.MetricFamily, 0, len(byName))
	for _, f := range byName {
		families = append(families, f)
	}
	return families, nil
}
