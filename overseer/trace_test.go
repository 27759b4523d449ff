package overseer_test

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/process/telemetry"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
)

// collector is a real OTLP endpoint.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	spans chan *tracev1.Span
}

func (c *collector) Export(_ context.Context,
	req *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	for _, r := range req.ResourceSpans {
		for _, s := range r.ScopeSpans {
			for _, span := range s.Spans {
				c.spans <- span
			}
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{spans: make(chan *tracev1.Span, 64)}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(srv, c)
	go func() { _ = srv.Serve(lis) }()
	t.Cleanup(srv.Stop)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+lis.Addr().String())
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "1")
	return c
}

// A candidate's trace id is the head of its hash, so that the spans of different validators join; and the work it
// causes further on is a child of the work that caused it.
func TestACandidatesWayIsOneTrace(t *testing.T) {
	c := startCollector(t)
	tel, err := telemetry.Start(t.Context(), "test")
	if err != nil || tel.Tracer == nil {
		t.Fatal(tel, err)
	}
	b := startBus(t, overseer.Config{Epoch: 1})
	run := func(spec subsystem.Spec) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = subsystem.Run(ctx, spec, subsystem.Options{Address: "unix:" + b.addr,
				Log: slog.New(slog.DiscardHandler), Tracer: tel.Tracer, Sampling: tel.Sampling})
		}()
		t.Cleanup(func() { cancel(); <-done })
	}
	run(store(subsystem.Single, echo))
	candidate := []byte("0123456789abcdefghijklmnopqrstuv")
	asked := make(chan error, 1)
	run(subsystem.Spec{
		Name: "bitfield-signing", Asks: []proto.Message{&availabilitystorev1.QueryDataAvailability{}},
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			subsystem.Ask(sub, &availabilitystorev1.QueryDataAvailability{Candidate: candidate}, 5*time.Second,
				func(_ *availabilitystorev1.QueryDataAvailabilityResponse, err error) { asked <- err })
			return funcs{}, nil
		},
	})
	if err := <-asked; err != nil {
		t.Fatal(err)
	}
	select {
	case span := <-c.spans:
		if got, want := hex.EncodeToString(span.TraceId), hex.EncodeToString(candidate[:16]); got != want {
			t.Errorf("trace %s, want the candidate's %s", got, want)
		}
		if span.Name != "availability-store QueryDataAvailability" || len(span.ParentSpanId) == 0 {
			t.Errorf("%s with parent %x", span.Name, span.ParentSpanId)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("no span reached the collector")
	}
}

func TestWithoutAnEndpointTracingIsInert(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	tel, err := telemetry.Start(t.Context(), "test")
	if err != nil || tel.Tracer != nil {
		t.Fatal(tel, err)
	}
}

// A subsystem whose messages carry no hash says which block its work is about. What a timer does is part of no trace:
// one that sets itself again would be for ever.
func TestWorkAboutABlockIsPartOfItsTraceAndATimerIsNot(t *testing.T) {
	c := startCollector(t)
	tel, err := telemetry.Start(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	block, other := []byte("0123456789abcdefghijklmnopqrstuv"), []byte("vutsrqponmlkjihgfedcba9876543210")
	traces := make(chan string, 8)
	b := startBus(t, overseer.Config{Epoch: 1})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		_ = subsystem.Run(ctx, subsystem.Spec{
			Name: "bitfield-signing", New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
				sub.About(block, "work", func() {
					traces <- sub.Traceparent()
					sub.After(time.Millisecond, func() { traces <- sub.Traceparent() })
					sub.About(other, "more", func() { traces <- sub.Traceparent() })
				})
				traces <- sub.Traceparent()
				sub.Continue("00-1-2-01", func() { traces <- sub.Traceparent() })
				return funcs{}, nil
			},
		}, subsystem.Options{Address: "unix:" + b.addr, Log: slog.New(slog.DiscardHandler), Tracer: tel.Tracer,
			Sampling: tel.Sampling})
	}()
	for _, want := range []string{"00-" + hex.EncodeToString(block[:16]), "00-" + hex.EncodeToString(other[:16]), "",
		"00-1-2-01", ""} {
		if got := <-traces; !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("it works in trace %q, want %q", got, want)
		}
	}
	for range 2 {
		select {
		case span := <-c.spans:
			if len(span.Links) > 0 != (span.Name == "bitfield-signing more") {
				t.Errorf("%s has links %v", span.Name, span.Links)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no span reached the collector")
		}
	}
}
