// Package telemetrytest is a collector for tests: it takes what processes export over OTLP, as a real one does, and
// keeps it.
package telemetrytest

import (
	"context"
	"encoding/hex"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// Span is what a process says of a piece of its work. Ids are in hexadecimal; Parent is empty for a root.
type Span struct {
	Service string // of the process
	PID     int64
	Name    string
	Kind    tracev1.Span_SpanKind
	Trace   string
	ID      string
	Parent  string
	Links   []Link
	Failed  bool
}

// Link points at a span of another trace.
type Link struct{ Trace, ID string }

// Collector keeps spans.
type Collector struct {
	collectorv1.UnimplementedTraceServiceServer
	// Endpoint is what OTEL_EXPORTER_OTLP_ENDPOINT must say.
	Endpoint string

	mu      sync.Mutex
	spans   []Span
	arrived chan struct{} // closed and made anew with each export
}

// Start serves a collector until the test ends.
func Start(t testing.TB) *Collector {
	t.Helper()
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Collector{Endpoint: "http://" + at.Addr().String(), arrived: make(chan struct{})}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(at) }()
	t.Cleanup(server.Stop)
	return c
}

// Export takes spans.
func (c *Collector) Export(_ context.Context,
	r *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, process := range r.GetResourceSpans() {
		var service string
		var pid int64
		for _, a := range process.GetResource().GetAttributes() {
			switch a.GetKey() {
			case "service.name":
				service = a.GetValue().GetStringValue()
			case "process.pid":
				pid = intOf(a.GetValue())
			}
		}
		for _, scope := range process.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, spanOf(service, pid, s))
			}
		}
	}
	close(c.arrived)
	c.arrived = make(chan struct{})
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

func intOf(v *commonv1.AnyValue) int64 { return v.GetIntValue() }

func spanOf(service string, pid int64, s *tracev1.Span) Span {
	out := Span{
		Service: service, PID: pid, Name: s.GetName(), Kind: s.GetKind(),
		Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()),
		Parent: hex.EncodeToString(s.GetParentSpanId()),
		Failed: s.GetStatus().GetCode() == tracev1.Status_STATUS_CODE_ERROR,
	}
	for _, l := range s.GetLinks() {
		out.Links = append(out.Links,
			Link{Trace: hex.EncodeToString(l.GetTraceId()), ID: hex.EncodeToString(l.GetSpanId())})
	}
	return out
}

// Await waits until nothing is missing from the spans that have come, and returns them. Processes send them a second
// late.
func (c *Collector) Await(t testing.TB, missing func([]Span) []string) []Span {
	t.Helper()
	for end := time.After(time.Minute); ; {
		c.mu.Lock()
		spans, arrived := slices.Clone(c.spans), c.arrived
		c.mu.Unlock()
		gaps := missing(spans)
		if len(gaps) == 0 {
			return spans
		}
		select {
		case <-arrived:
		case <-end:
			for _, s := range spans {
				t.Logf("%-24s %-40s trace %s span %s of %s", s.Service, s.Name, s.Trace, s.ID, s.Parent)
			}
			t.Fatalf("never came:\n%s", strings.Join(gaps, "\n"))
		}
	}
}

// Above returns the spans from s up to where its process's story begins: parent, parent's parent, as far as they have
// come.
func Above(spans []Span, s Span) (list []Span) {
	for s.Parent != "" {
		i := slices.IndexFunc(spans, func(o Span) bool { return o.Trace == s.Trace && o.ID == s.Parent })
		if i < 0 {
			break
		}
		s = spans[i]
		list = append(list, s)
	}
	return list
}
