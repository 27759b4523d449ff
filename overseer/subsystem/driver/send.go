package driver

import (
	"log/slog"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// sender is the way of a one-way message.
type sender struct {
	catalog *catalog
	headers *headers
	edges   *edges
	stats   *stats
	count   *counters
	log     *slog.Logger
	scratch wire.Envelope
}

// send sends a one-way message about a chain, or lets it wait for credit where wait is set. Gossip doesn't wait:
// without credit it is shed.
func (s *sender) send(chain string, msg proto.Message, wait bool) *wire.Failure {
	u, size, f := s.catalog.check(chain, msg, false)
	if f != nil {
		return f
	}
	v, e := u.variant, s.edges.of(u, chain)
	message := size + wire.VariantHeaderSize(v.Enum, v.Field, size)
	now := s.edges.open(e, wire.SizeOf(message))
	switch {
	case now:
	case !wait, !s.edges.canPark(e):
		return failf(overloaded, "%s has no room for %s", v.Subsystem, v.Short())
	case v.Lane == wire.LaneGossip && s.edges.w.link != nil:
		s.count.shed++
		s.stats.shed.WithLabelValues(v.Short()).Inc()
		return nil
	}
	o, f := s.encode(e, v, msg, size, message)
	switch {
	case f != nil:
		return f
	case now:
		s.edges.transmit(e, o)
	default:
		e.parked.push(o)
	}
	return nil
}

// marshal relies on the size that check has just computed.
var marshal = proto.MarshalOptions{UseCachedSize: true, AllowPartial: true}

// encode makes a message what travels, of so many bytes as a variant and in all. It is encoded once, where it is kept.
func (s *sender) encode(e *edge, v *registry.Variant, msg proto.Message, size, message int) (outgoing, *wire.Failure) {
	now := s.headers.stencil(v)
	if now == e.stencilOf && now.lasts {
		s.headers.counter++
	} else {
		s.headers.fill(&s.scratch, v, e.key.chain, msg)
		e.template.Set(&s.scratch)
		e.stencilOf = now
	}
	counter := s.headers.counter
	b := e.template.AppendHead(e.reserve(&s.edges.rooms, e.template.Size(message)), counter, message)
	b, err := marshal.MarshalAppend(wire.AppendVariantHeader(b, v.Enum, v.Field, size), msg)
	if err != nil {
		return outgoing{}, failf(refused, "%s can't be encoded: %v", v.Short(), err)
	}
	b = e.template.AppendTail(b)
	return outgoing{frame: b, in: e.claim(b), counter: counter, size: wire.SizeOf(message)}, nil
}

// room tells how many messages like msg can be sent about a chain without waiting.
func (s *sender) room(chain string, msg proto.Message) int {
	u := s.catalog.use(msg)
	if u == nil {
		return 0
	}
	return s.edges.left(s.edges.of(u, chain))
}

// refused takes back a one-way message that the overseer did not take; it tells whether there was such a one.
func (s *sender) refused(id wire.ID, f *wire.Failure) bool {
	if id.Origin() != s.headers.origin {
		return false
	}
	e := s.edges.takeBack(id.Counter())
	if e == nil {
		return false
	}
	s.complain(s.catalog.dir.NameOf(e.Message), f)
	return true
}

// complain says once in a while what could not be sent.
func (s *sender) complain(variant string, f *wire.Failure) {
	s.count.refused++
	if n := s.count.refused; n&(n-1) == 0 { // 1, 2, 4, 8, …: a flood is a few lines
		s.log.Warn("message not sent", "variant", variant, "err", f.GetMessage(), "so_far", n)
	}
}
