package vmhost

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/intercept"
)

// callCounter counts and times the calls between host and plugin, in both directions, under the names that
// go-grpc-middleware's provider for Prometheus uses. It is here because it looks a method's metrics up once and not
// four times for each call, which would be a tenth of what a fast call costs.
type callCounter struct{ made, served direction }

// direction is the calls that one side makes.
type direction struct {
	handled *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	methods sync.Map // of *methodCounter, by the method's path
}

// methodCounter is what is counted of one method.
type methodCounter struct {
	ok      prometheus.Counter
	seconds prometheus.Observer
}

// CountCalls counts the calls between a host and its plugins, and how long they take.
func CountCalls(to prometheus.Registerer) (intercept.Counter, error) {
	c := &callCounter{}
	if err := c.made.register(to, "client", "by"); err != nil {
		return nil, err
	}
	return c, c.served.register(to, "server", "on")
}

// register makes the metrics with the provider's words, since a node shows both on one page.
func (d *direction) register(to prometheus.Registerer, side, where string) error {
	d.handled = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "grpc_" + side + "_handled_total",
		Help: "Total number of RPCs completed " + where + " the " + side + ", regardless of success or failure.",
	}, []string{"grpc_service", "grpc_method", "grpc_code"})
	d.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "grpc_" + side + "_handling_seconds",
		Help: "Histogram of response latency (seconds) of gRPC that had been application-level handled by the " +
			side + ".",
		Buckets: prometheus.ExponentialBuckets(20e-6, 5, 9),
	}, []string{"grpc_service", "grpc_method"})
	if err := to.Register(d.handled); err != nil {
		return err
	}
	return to.Register(d.seconds)
}

// Made counts a call to the plugin.
func (c *callCounter) Made(method string, took time.Duration, err error) {
	c.made.ended(method, took, err)
}

// Served counts a call of the plugin's.
func (c *callCounter) Served(method string, took time.Duration, err error) {
	c.served.ended(method, took, err)
}

func (d *direction) ended(method string, took time.Duration, err error) {
	m := d.of(method)
	m.seconds.Observe(took.Seconds())
	if err == nil {
		m.ok.Inc()
		return
	}
	service, name := split(method)
	d.handled.WithLabelValues(service, name, status.Code(err).String()).Inc()
}

func (d *direction) of(method string) *methodCounter {
	if m, known := d.methods.Load(method); known {
		return m.(*methodCounter)
	}
	service, name := split(method)
	m, _ := d.methods.LoadOrStore(method, &methodCounter{
		ok:      d.handled.WithLabelValues(service, name, codes.OK.String()),
		seconds: d.seconds.WithLabelValues(service, name),
	})
	return m.(*methodCounter)
}

// split takes a method's path, "/package.Service/Method", apart.
func split(path string) (service, method string) {
	service, method, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return service, method
}
