package node

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
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
	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services"
)

// metricsTimeout is how long one process may take to tell its metrics; the others are shown without it then.
const metricsTimeout = 1500 * time.Millisecond

// labelled is a registry of a process's own metrics, all with the name of its part, its chain if there is one of it per
// chain, and its name if there may be several of it.
func labelled(part, chain, instance string) (*prometheus.Registry, prometheus.Registerer) {
	all := prometheus.NewRegistry()
	labels := prometheus.Labels{"part": part}
	if chain != "" {
		labels["chain"] = chain
	}
	if instance != "" {
		labels["instance"] = instance
	}
	named := prometheus.WrapRegistererWith(labels, all)
	named.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return all, named
}

func metricsSocket(n *Node, id string) string { return n.Home.Socket(id + ".metrics") }

// serveMetrics serves a process's metrics on a unix socket, for the overseer to show, until ctx ends.
func (n *Node) serveMetrics(ctx context.Context, l net.Listener, all *prometheus.Registry) {
	shown := promhttp.HandlerFor(all, promhttp.HandlerOpts{})
	if err := gateway.Serve(ctx, ctx, l, shown, gateway.MonitoringPlaces, n.Log); err != nil {
		n.Log.Warn("metrics aren't shown any more", "err", err)
	}
}

// sources gathers the metrics of all processes of a node, each within a time limit.
type sources struct {
	own     prometheus.Gatherer
	bus     *overseer.Server
	chains  []genesis.Chain
	sockets *http.Client // of whichever process the URL's host names, in hexadecimal
	log     *slog.Logger
}

var sourceDesc = "reeve_metrics_source_up"

func (n *Node) sources(bus *overseer.Server, own prometheus.Gatherer) *sources {
	var d net.Dialer
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		id, err := hex.DecodeString(host)
		if err != nil {
			return nil, err
		}
		return d.DialContext(ctx, "unix", metricsSocket(n, string(id)))
	}
	return &sources{
		own: own, bus: bus, log: n.Log, chains: n.Genesis.Chains,
		sockets: &http.Client{Timeout: metricsTimeout, Transport: &http.Transport{DialContext: dial}},
	}
}

// instances lists those that should be there, and those that are.
func (s *sources) instances() (list []part.Instance) {
	boxes := s.bus.Status()
	for _, i := range services.Parts().Instances(s.chains) {
		list = append(list, named(i, mailboxOf(overseer.Report{Status: boxes}, i.Spec.Name, i.Chain))...)
	}
	for _, box := range boxes.Subsystems {
		known := slices.ContainsFunc(list, func(i part.Instance) bool { return i.Spec.Name == box.Name })
		if len(box.Instances) > 0 && box.Name != askerName && !known {
			list = append(list, part.Instance{Part: part.Part{Spec: subsystem.Spec{Name: box.Name}}, ID: box.Name})
		}
	}
	return list
}

// named are a part's processes by the names under which they have attached; one that has none goes by that of the part.
func named(i part.Instance, box *broker.SubsystemStatus) (list []part.Instance) {
	if !i.Several() || box == nil || len(box.Instances) == 0 {
		return []part.Instance{i}
	}
	for _, in := range box.Instances {
		one := i
		if in.Name != box.Name {
			one.ID = in.Name
		}
		list = append(list, one)
	}
	return list
}

// Gather asks all at once. A process that doesn't answer is shown as down.
func (s *sources) Gather() ([]*dto.MetricFamily, error) {
	parts := s.instances()
	got := make(prometheus.Gatherers, len(parts), len(parts)+2)
	up := &dto.MetricFamily{
		Name: &sourceDesc, Help: proto.String("Whether the process told its metrics."),
		Type:   dto.MetricType_GAUGE.Enum(),
		Metric: make([]*dto.Metric, len(parts)),
	}
	var wg sync.WaitGroup
	for i, p := range parts {
		wg.Go(func() {
			families, err := s.gather(p.ID)
			answered := 1.0
			if err != nil {
				answered = 0
				s.log.Debug("a process doesn't tell its metrics", "part", p.ID, "err", err)
			}
			up.Metric[i] = &dto.Metric{Label: labelsOf(p), Gauge: &dto.Gauge{Value: &answered}}
			got[i] = prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, nil })
		})
	}
	wg.Wait()
	got = append(got, s.own,
		prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return []*dto.MetricFamily{up}, nil }))
	return got.Gather()
}

func labelsOf(i part.Instance) (labels []*dto.LabelPair) {
	if i.Chain != "" {
		labels = append(labels, &dto.LabelPair{Name: proto.String("chain"), Value: proto.String(i.Chain)})
	}
	if i.Several() && i.ID != i.Name() {
		labels = append(labels, &dto.LabelPair{Name: proto.String("instance"), Value: proto.String(i.ID)})
	}
	return append(labels, &dto.LabelPair{Name: proto.String("part"), Value: proto.String(i.Name())})
}

func (s *sources) gather(id string) ([]*dto.MetricFamily, error) {
	r, err := s.sockets.Get("http://" + hex.EncodeToString([]byte(id)) + "/metrics")
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
