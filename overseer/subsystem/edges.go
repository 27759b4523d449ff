package subsystem

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// edgeKey names an edge that starts here.
type edgeKey struct {
	to, chain string
	lane      wire.Lane
}

// edge is the sender's side of one edge: the credit that is out, the messages that wait for credit, and the one-way messages
// that the receiver has not finished, kept so that they can be sent again when the overseer is restarted.
type edge struct {
	key      edgeKey
	messages int
	bytes    int
	parked   queue[outgoing]
	retained queue[outgoing]
	room     *wire.Memory // where the next small messages are encoded

	template  wire.Template // of the next message
	stencilOf stencil       // what the template says
}

// stencil is what the envelopes of consecutive messages have in common, besides the edge.
type stencil struct {
	generation, sequence uint64
	cause                cause
	lasts                bool // nothing in it is of one message alone
}

// outgoing is one message that waits or is kept: a one-way one as the bytes of its envelope, or an ask.
type outgoing struct {
	frame   []byte
	in      *wire.Memory // where it lies, if with others
	ask     *openAsk     // nil: one-way
	counter uint64       // of the id
	size    int          // what it costs of the credit
}

// roomBytes is how much memory an edge takes at once to encode messages in; a message of more than a quarter has its own.
const roomBytes = 8 << 10

// reserve returns an empty slice with room for n bytes; what is appended to it is kept with claim.
func (e *edge) reserve(rooms *wire.Spare, n int) []byte {
	if n > roomBytes/4 {
		return make([]byte, 0, n)
	}
	if e.room == nil || cap(e.room.Bytes)-len(e.room.Bytes) < n {
		e.room.Release()
		if e.room = rooms.Take(); cap(e.room.Bytes) == 0 {
			e.room.Bytes = make([]byte, 0, roomBytes)
		}
	}
	at := len(e.room.Bytes)
	return e.room.Bytes[at : at : at+n]
}

// claim keeps a message where it was encoded.
func (e *edge) claim(b []byte) (in *wire.Memory) {
	if len(b) > roomBytes/4 {
		return nil
	}
	e.room.Bytes = e.room.Bytes[:len(e.room.Bytes)+len(b)]
	return e.room.Hold()
}

// parkedWindows is how many windows of messages may wait at the sender; beyond that a one-way message is refused.
const parkedWindows = 4

func (l *loop) edge(v *registry.Variant, chain string) *edge {
	key := edgeKey{v.Subsystem, chain, v.Lane}
	e := l.edges[key]
	if e == nil {
		e = &edge{key: key}
		l.edges[key] = e
		l.edgeOrder = append(l.edgeOrder, e)
	}
	return e
}

func (e *edge) hasRoom(w Window, size int) bool {
	return e.messages < w.Messages && (e.bytes+size <= w.Bytes || e.messages == 0)
}

// use is what a subsystem knows of one of the variants that it sends or asks.
type use struct {
	of       protoreflect.MessageType
	variant  *registry.Variant
	declared bool
	edge     *edge // of the chain that it was last about; nil until it is used
}

// useOf finds out what a message is; nil when it is in no enum.
func (l *loop) useOf(msg proto.Message) *use {
	of := msg.ProtoReflect().Type()
	if l.lastUse != nil && l.lastUse.of == of {
		return l.lastUse
	}
	u := l.uses[of]
	if u == nil {
		v := l.dir.Of(msg)
		if v == nil {
			return nil
		}
		u = &use{of: of, variant: v, declared: l.declared(v)}
		l.uses[of] = u
	}
	l.lastUse = u
	return u
}

func (l *loop) edgeOf(u *use, chain string) *edge {
	if u.edge == nil || u.edge.key.chain != chain {
		u.edge = l.edge(u.variant, chain)
	}
	return u.edge
}

// declared tells whether the Spec has the variant.
func (l *loop) declared(v *registry.Variant) bool {
	list := l.spec.Sends
	if v.IsRequest() {
		list = l.spec.Asks
	}
	return slices.ContainsFunc(list, func(m proto.Message) bool { return m.ProtoReflect().Descriptor().FullName() == v.Name })
}

// check finds what keeps a message from being sent, whatever the credit. Its size is that of the variant.
func (l *loop) check(chain string, msg proto.Message, request bool) (u *use, size int, f *Failure) {
	u = l.useOf(msg)
	switch {
	case u == nil:
		return nil, 0, Failf(Refused, "%s is no variant of any subsystem's enum", msg.ProtoReflect().Descriptor().FullName())
	case u.variant.IsRequest() != request && request:
		return u, 0, Failf(Refused, "%s is one-way: Send it", u.variant.Short())
	case u.variant.IsRequest() != request:
		return u, 0, Failf(Refused, "%s has an answer: Ask it", u.variant.Short())
	case l.spec.Class == PerChain && chain != l.sub.chain:
		return u, 0, Failf(Refused, "this %s serves chain %s alone: it can't send %s to chain %s", l.spec.Name, l.sub.chain, u.variant.Short(), chain)
	case !u.declared:
		return u, 0, Failf(Refused, "%s doesn't declare %s: add it to its Spec", l.spec.Name, u.variant.Name)
	}
	size = proto.Size(msg)
	if limit := l.maxMessage(); size+wire.VariantHeader > limit {
		return u, 0, tooLarge(u.variant.Name, size, limit)
	}
	return u, size, nil
}

// encode relies on the size that check has just computed.
var encode = proto.MarshalOptions{UseCachedSize: true, AllowPartial: true}

// header fills in the envelope of a message.
func (l *loop) header(e *wire.Envelope, v *registry.Variant, chain string, msg proto.Message) {
	*e = wire.Envelope{
		ID: l.nextID(), From: l.spec.Name, To: v.Subsystem, Chain: chain, Lane: v.Lane, SignalSeq: l.seen.sequence, Generation: l.gen, RoutingKey: v.RoutingKey(msg),
		Causation: l.current.id, Correlation: l.current.correlation,
	}
	if v.IsRequest() {
		e.Kind = wire.Request
	}
	e.Traceparent = l.trace.outgoing(l.current.traceparent, e.RoutingKey, v)
}

// encoded is a one-way message as it travels, of so many bytes as a variant and in all. It is encoded once, where it is kept.
func (l *loop) encoded(e *edge, v *registry.Variant, msg proto.Message, size, message int) (outgoing, *Failure) {
	now := stencil{l.gen, l.seen.sequence, l.current, !v.HasRoutingKey()}
	if now == e.stencilOf && now.lasts {
		l.counter++
	} else {
		l.header(&l.scratch, v, e.key.chain, msg)
		e.template.Set(&l.scratch)
		e.stencilOf = now
	}
	b := e.template.AppendHead(e.reserve(&l.rooms, e.template.Size(message)), l.counter, message)
	b, err := encode.MarshalAppend(wire.AppendVariantHeader(b, v.Enum, v.Field, size), msg)
	if err != nil {
		return outgoing{}, Failf(Refused, "%s can't be encoded: %v", v.Short(), err)
	}
	b = e.template.AppendTail(b)
	return outgoing{frame: b, in: e.claim(b), counter: l.counter, size: wire.SizeOf(message)}, nil
}

func (l *loop) send(chain string, msg proto.Message, wait bool) *Failure {
	u, size, f := l.check(chain, msg, false)
	if f != nil {
		return f
	}
	v, e := u.variant, l.edgeOf(u, chain)
	message := size + wire.VariantHeaderSize(v.Enum, v.Field, size)
	now := l.link != nil && e.parked.len() == 0 && e.hasRoom(l.window, wire.SizeOf(message))
	switch {
	case now:
	case !wait, e.parked.len() >= parkedWindows*max(l.window.Messages, 256):
		return Failf(Overloaded, "%s has no room for %s", v.Subsystem, v.Short())
	case v.Lane == wire.LaneGossip && l.link != nil:
		l.count.shed++
		l.stats.shed.WithLabelValues(v.Short()).Inc()
		return nil
	}
	o, f := l.encoded(e, v, msg, size, message)
	switch {
	case f != nil:
		return f
	case now:
		l.transmit(e, o)
	default:
		e.parked.push(o)
	}
	return nil
}

// transmit spends credit and sends. One-way messages are kept until the receiver has finished them.
func (l *loop) transmit(e *edge, o outgoing) {
	l.spend(e, o.size)
	if a := o.ask; a != nil {
		l.emit(wire.TagFromEnvelope, a.env)
		if !a.again() {
			a.env.Message = nil
		}
		return
	}
	e.retained.push(o)
	b := l.outOn(e.key.lane)
	b.Frame(wire.TagFromEnvelope, o.frame)
	if b.Len() >= flushAt {
		l.flush()
	}
}

// spend counts a message that is sent, against the credit.
func (l *loop) spend(e *edge, size int) {
	e.messages++
	e.bytes += size
	l.count.sent++
}

// unpark sends what waits, as far as the credit goes.
func (l *loop) unpark(e *edge) {
	for l.link != nil && e.parked.len() > 0 && e.hasRoom(l.window, e.parked.first().size) {
		o := e.parked.pop()
		if a := o.ask; a != nil {
			if l.asks[a.env.ID] != a {
				continue // it ended while it waited
			}
			a.sent = true
			a.env.TimeoutMicros = micros(a.timer.at.Sub(l.runtime.Now()))
		}
		l.transmit(e, o)
	}
}

func micros(d time.Duration) uint64 { return uint64(max(d, time.Microsecond) / time.Microsecond) }

// release gives an ask's credit back.
func (l *loop) release(e *edge, size int) {
	e.messages--
	e.bytes -= size
	l.unpark(e)
}

func (l *loop) onCredit(credits []wire.EdgeCredit) {
	for _, c := range credits {
		e := l.edges[edgeKey{c.To, c.Chain, c.Lane}]
		if e == nil {
			continue
		}
		e.messages = max(0, e.messages-int(c.Messages))
		e.bytes = max(0, e.bytes-int(c.Bytes))
		e.forget(c.Finished)
		for range min(int(c.Messages)-len(c.Finished), e.retained.len()) {
			o := e.retained.pop()
			o.in.Release()
		}
		l.unpark(e)
	}
}

// onRefused takes back a one-way message that the overseer did not take; it tells whether there is such a one.
func (l *loop) onRefused(id wire.ID, why *wire.Failure) bool {
	if id.Origin() != l.origin {
		return false
	}
	for _, e := range l.edgeOrder {
		for _, o := range e.retained.all() {
			if o.counter != id.Counter() {
				continue
			}
			e.forget([]uint64{o.counter})
			l.complain(l.dir.NameOf(o.envelope().Message), fromWire(why))
			l.release(e, o.size)
			return true
		}
	}
	return false
}

// envelope reads a one-way message's envelope.
func (o *outgoing) envelope() *wire.Envelope {
	e := &wire.Envelope{}
	_ = wire.ParseEnvelope(o.frame, e, wire.Names{}) // we wrote it
	return e
}

// again makes it what is sent on a new link: a one-way message that was sent before says so.
func (o *outgoing) again(generation uint64, sent bool) outgoing {
	e := o.envelope()
	if e.Generation = generation; sent {
		e.Attempt++
	}
	return outgoing{frame: wire.AppendEnvelope(nil, e), counter: o.counter, size: o.size}
}

// forget drops the messages with the given counters, which may be finished out of order.
func (e *edge) forget(finished []uint64) {
	if len(finished) == 0 {
		return
	}
	gone := make(map[uint64]bool, len(finished))
	for _, f := range finished {
		gone[f] = true
	}
	var keep queue[outgoing]
	for _, o := range e.retained.all() {
		if gone[o.counter] {
			o.in.Release()
		} else {
			keep.push(o)
		}
	}
	e.retained = keep
}

func (l *loop) room(chain string, variant proto.Message) int {
	u := l.useOf(variant)
	if u == nil || l.link == nil {
		return 0
	}
	e := l.edgeOf(u, chain)
	if e.parked.len() > 0 || e.bytes >= l.window.Bytes {
		return 0
	}
	return l.window.Messages - e.messages
}

// complain says once in a while what Send had to refuse.
func (l *loop) complain(variant string, f *Failure) {
	l.count.refused++
	if n := l.count.refused; n&(n-1) == 0 { // 1, 2, 4, 8, …: a flood is a few lines
		l.log.Warn("message not sent", "variant", variant, "why", f.Error(), "so_far", n)
	}
}
