package driver

import (
	"context"
	"encoding/hex"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/internal/core/traces"
)

// tracer opens the spans of a subsystem. Its zero value is inert: nothing is looked at and nothing allocated.
//
// A message that has a routing key, a block's or candidate's hash, belongs to the trace of that hash. What is sent
// while a message is handled belongs to that message's.
type tracer struct {
	tracer trace.Tracer
	sample traces.Sampler
	name   string
}

func newTracer(t trace.Tracer, name string, ratio float64) tracer {
	if t == nil {
		return tracer{}
	}
	return tracer{tracer: t, sample: traces.Sample(ratio), name: name}
}

var w3c propagation.TraceContext

// outgoing is the traceparent of a message that is sent now.
func (t *tracer) outgoing(current string, key []byte) string {
	if t.tracer == nil || current != "" {
		return current
	}
	return t.sample.Of(key)
}

// handling opens the span of one message's handling, if its trace is sampled, and makes it the parent of what is sent
// meanwhile.
func (t *tracer) handling(c *cause, v *registry.Variant, e *wire.Envelope) (end func()) {
	if t.tracer == nil || c.traceparent == "" {
		return func() {}
	}
	carrier := propagation.MapCarrier{"traceparent": c.traceparent}
	ctx := w3c.Extract(context.Background(), carrier)
	ctx, span := t.tracer.Start(ctx, t.name+" "+v.Short(), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(
			attribute.String("messaging.system", "reeve"), attribute.String("messaging.operation.type", "process"),
			attribute.String("messaging.destination.name", t.name),
			attribute.String("messaging.message.id", hex.EncodeToString(c.id[:])),
			attribute.String("reeve.from", e.From), attribute.Int("reeve.attempt", int(e.Attempt))))
	w3c.Inject(ctx, carrier)
	c.traceparent = carrier["traceparent"]
	return func() { span.End() }
}

// about opens the span of work that is about a hash, if the trace of that is sampled, and makes it the parent of what
// is sent meanwhile. Work that was caused in another trace is linked to it.
func (t *tracer) about(c *cause, hash []byte, what string) (end func()) {
	if t.tracer == nil || !t.sample.Sampled(hash) {
		return func() {}
	}
	before, own := c.traceparent, contextOf(traces.At(hash))
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindInternal)}
	if before != "" {
		switch current := contextOf(before); {
		case trace.SpanContextFromContext(current).TraceID() == trace.SpanContextFromContext(own).TraceID():
			own = current
		default:
			options = append(options, trace.WithLinks(trace.LinkFromContext(current)))
		}
	}
	ctx, span := t.tracer.Start(own, t.name+" "+what, options...)
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	c.traceparent = carrier["traceparent"]
	return func() {
		span.End()
		c.traceparent = before
	}
}

func contextOf(traceparent string) context.Context {
	return w3c.Extract(context.Background(), propagation.MapCarrier{"traceparent": traceparent})
}
