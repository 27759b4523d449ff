package driver

import (
	"context"
	"encoding/binary"
	"encoding/hex"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// tracer opens the spans of a subsystem. Its zero value is inert: nothing is looked at and nothing allocated.
//
// The trace of a message that has a routing key, a block's or candidate's hash, is named by the first 16 bytes of that
// hash, and the same bytes decide whether it is sampled. So all validators sample the same blocks and their spans join,
// though no trace context crosses the network.
type tracer struct {
	tracer    trace.Tracer
	threshold uint64 // a hash whose second half is below is sampled
	name      string
}

func newTracer(t trace.Tracer, name string, ratio float64) tracer {
	if t == nil || ratio <= 0 {
		return tracer{}
	}
	threshold := uint64(1<<64 - 1)
	if ratio < 1 {
		threshold = uint64(ratio * (1 << 63) * 2)
	}
	return tracer{tracer: t, threshold: threshold, name: name}
}

var w3c propagation.TraceContext

// outgoing is the traceparent of a message that is sent now.
func (t *tracer) outgoing(current string, key []byte, v *registry.Variant) string {
	if t.tracer == nil || current != "" {
		return current
	}
	if len(key) != 32 || binary.BigEndian.Uint64(key[16:]) >= t.threshold {
		return ""
	}
	return "00-" + hex.EncodeToString(key[:16]) + "-" + hex.EncodeToString(key[24:]) + "-01"
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
