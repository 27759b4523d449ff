package driver

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// headers knows what the envelope of each message says of its sender: who it is, what it has seen, and why it sends. No
// two messages get the same id.
type headers struct {
	name       string
	origin     uint64 // first half of the ids of this process
	counter    uint64
	generation uint64
	timeline   *timeline
	causes     *causes
	trace      tracer
}

// fill makes e the envelope of a message, without the message.
func (h *headers) fill(e *wire.Envelope, v *registry.Variant, chain string, msg proto.Message) {
	h.counter++
	*e = wire.Envelope{
		ID: wire.NewID(h.origin, h.counter), From: h.name, To: v.Subsystem, Chain: chain, Lane: v.Lane,
		SignalSeq: h.timeline.sequence, Generation: h.generation, RoutingKey: v.RoutingKey(msg),
		Causation: h.causes.current.id, Correlation: h.causes.current.correlation,
	}
	if v.IsRequest() {
		e.Kind = wire.Request
	}
	e.Traceparent = h.trace.outgoing(h.causes.current.traceparent, v.About(e.RoutingKey))
}

// stencil is what the envelopes of consecutive messages of one edge have in common.
type stencil struct {
	generation, sequence uint64
	cause                cause
	lasts                bool // nothing in it is of one message alone
}

func (h *headers) stencil(v *registry.Variant) stencil {
	return stencil{h.generation, h.timeline.sequence, h.causes.current, !v.HasRoutingKey()}
}
