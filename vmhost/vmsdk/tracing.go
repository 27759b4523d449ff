package vmsdk

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/internal/core/traces"
)

// tracing opens the spans of transactions. The trace of one is named by its id, so that all nodes' spans of it join;
// the span of a call that builds or accepts a block is linked to the traces of the block's transactions. nil is inert.
type tracing struct {
	tracer trace.Tracer
	sample traces.Sampler
	// call is the span of the block call that is under way, if it is sampled.
	call atomic.Pointer[trace.Span]
}

func newTracing(tracer trace.Tracer, sampling float64) *tracing {
	if tracer == nil {
		return nil
	}
	return &tracing{tracer: tracer, sample: traces.Sample(sampling)}
}

// begin says in which span a block call runs.
func (t *tracing) begin(ctx context.Context) (end func()) {
	if t == nil || !trace.SpanContextFromContext(ctx).IsSampled() {
		return func() {}
	}
	span := trace.SpanFromContext(ctx)
	t.call.Store(&span)
	return func() { t.call.Store(nil) }
}

// link links the block call that is under way to a transaction.
func (t *tracing) link(id ID) {
	if t == nil || !t.sample.Sampled(id[:]) {
		return
	}
	if span := t.call.Load(); span != nil {
		(*span).AddLink(trace.LinkFromContext(intercept.Continue(context.Background(), traces.At(id[:]))))
	}
}

// waits opens and ends the span of a transaction that waits from now on, linked to the request that brought it. It
// returns the trace in which others learn of it; empty when it isn't sampled.
func (t *tracing) waits(request context.Context, id ID, own bool) string {
	if t == nil || !t.sample.Sampled(id[:]) {
		return ""
	}
	options := []trace.SpanStartOption{trace.WithAttributes(attribute.Bool("reeve.own", own))}
	if trace.SpanContextFromContext(request).IsSampled() {
		options = append(options, trace.WithLinks(trace.LinkFromContext(request)))
	}
	ctx, span := t.tracer.Start(intercept.Continue(context.Background(), traces.At(id[:])), "mempool insert",
		options...)
	span.End()
	return intercept.Current(ctx)
}
