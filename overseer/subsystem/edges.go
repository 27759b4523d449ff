package subsystem

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/buswire"
	"github.com/reevenet/reeve/internal/directory"
)

// edgeKey names an edge that starts here.
type edgeKey struct {
	to   string
	lane buswire.Lane
}

// edge is the sender's side of one edge: the credit that is out, the messages that wait for credit, and the one-way messages
// that the receiver has not finished, kept so that they can be sent again when the overseer is restarted.
type edge struct {
	key      edgeKey
	messages int
	bytes    int
	parked   queue[*buswire.Envelope]
	retained queue[*buswire.Envelope]
}

// parkedWindows is how many windows of messages may wait at the sender; beyond that a one-way message is refused.
const parkedWindows = 4

func (l *loop) edge(v *directory.Variant) *edge {
	key := edgeKey{v.Subsystem, v.Lane}
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

// variantHeader is the most that AppendVariantHeader appends.
const variantHeader = 16

// encode relies on the size that envelope has just computed.
var encode = proto.MarshalOptions{UseCachedSize: true}

// envelope encodes a message and checks what can be checked before it is sent.
func (l *loop) envelope(msg proto.Message, request bool) (*buswire.Envelope, *directory.Variant, *Failure) {
	v := l.dir.Of(msg)
	switch {
	case v == nil:
		return nil, nil, Failf(Refused, "%s is no variant of any subsystem's enum", msg.ProtoReflect().Descriptor().FullName())
	case v.IsRequest() != request && request:
		return nil, nil, Failf(Refused, "%s is one-way: Send it", v.Short())
	case v.IsRequest() != request:
		return nil, nil, Failf(Refused, "%s has an answer: Ask it", v.Short())
	case !l.declared(v):
		return nil, nil, Failf(Refused, "%s doesn't declare %s: add it to its Spec", l.spec.Name, v.Name)
	}
	size := proto.Size(msg)
	if limit := l.maxMessage(); size+variantHeader > limit {
		return nil, nil, tooLarge(v.Name, size, limit)
	}
	body, err := encode.MarshalAppend(buswire.AppendVariantHeader(make([]byte, 0, size+variantHeader), v.Enum, v.Field, size), msg)
	if err != nil {
		return nil, nil, Failf(Refused, "%s can't be encoded: %v", v.Short(), err)
	}
	e := &buswire.Envelope{
		ID: l.nextID(), Lane: v.Lane, SignalSeq: l.seen.sequence, Generation: l.gen, RoutingKey: v.RoutingKey(msg), Message: body,
	}
	if request {
		e.Kind = buswire.Request
	}
	l.stamp(e, v)
	return e, v, nil
}

// stamp writes what the message is sent because of, and its trace.
func (l *loop) stamp(e *buswire.Envelope, v *directory.Variant) {
	e.Causation, e.Correlation = l.current.id, l.current.correlation
	e.Traceparent = l.trace.outgoing(l.current.traceparent, e.RoutingKey, v)
}

// declared tells whether the Spec has the variant; it remembers, since it is asked for every message.
func (l *loop) declared(v *directory.Variant) bool {
	if known, ok := l.mayUse[v]; ok {
		return known
	}
	list := l.spec.Sends
	if v.IsRequest() {
		list = l.spec.Asks
	}
	known := slices.ContainsFunc(list, func(m proto.Message) bool { return m.ProtoReflect().Descriptor().FullName() == v.Name })
	l.mayUse[v] = known
	return known
}

func (l *loop) send(msg proto.Message, wait bool) *Failure {
	env, v, f := l.envelope(msg, false)
	if f != nil {
		return f
	}
	e := l.edge(v)
	switch {
	case l.link != nil && e.parked.len() == 0 && e.hasRoom(l.window, env.Size()):
		l.transmit(e, env)
		return nil
	case !wait, e.parked.len() >= parkedWindows*max(l.window.Messages, 256):
		return Failf(Overloaded, "%s has no room for %s", v.Subsystem, v.Short())
	case v.Lane == buswire.LaneGossip && l.link != nil:
		l.count.shed++
		l.stats.shed.WithLabelValues(v.Short()).Inc()
		return nil
	}
	e.parked.push(env)
	return nil
}

// transmit spends credit and sends. One-way messages are kept until the receiver has finished them.
func (l *loop) transmit(e *edge, env *buswire.Envelope) {
	e.messages++
	e.bytes += env.Size()
	if env.Kind == buswire.OneWay {
		e.retained.push(env)
	}
	l.count.sent++
	l.emit(buswire.TagFromEnvelope, env)
}

// unpark sends what waits, as far as the credit goes.
func (l *loop) unpark(e *edge) {
	for l.link != nil && e.parked.len() > 0 && e.hasRoom(l.window, e.parked.peek().Size()) {
		env := e.parked.pop()
		if env.Kind == buswire.Request {
			a := l.asks[env.ID]
			if a == nil {
				continue // it ended while it waited
			}
			a.sent = true
			env.TimeoutMicros = micros(a.timer.at.Sub(l.world.Now()))
		}
		l.transmit(e, env)
	}
}

func micros(d time.Duration) uint64 { return uint64(max(d, time.Microsecond) / time.Microsecond) }

// release gives an ask's credit back.
func (l *loop) release(e *edge, size int) {
	e.messages--
	e.bytes -= size
	l.unpark(e)
}

func (l *loop) onCredit(credits []buswire.EdgeCredit) {
	for _, c := range credits {
		e := l.edges[edgeKey{c.To, c.Lane}]
		if e == nil {
			continue
		}
		e.messages = max(0, e.messages-int(c.Messages))
		e.bytes = max(0, e.bytes-int(c.Bytes))
		e.forget(c.Finished)
		for range min(int(c.Messages)-len(c.Finished), e.retained.len()) {
			e.retained.pop()
		}
		l.unpark(e)
	}
}

// onRefused takes back a one-way message that the overseer did not take; it tells whether there is such a one.
func (l *loop) onRefused(id buswire.ID, why *buswire.Failure) bool {
	for _, e := range l.edgeOrder {
		for _, env := range e.retained.all() {
			if env.ID != id {
				continue
			}
			e.forget([]uint64{id.Counter()})
			l.complain(l.dir.NameOf(env.Message), fromWire(why))
			l.release(e, env.Size())
			return true
		}
	}
	return false
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
	var keep queue[*buswire.Envelope]
	for _, env := range e.retained.all() {
		if !gone[env.ID.Counter()] {
			keep.push(env)
		}
	}
	e.retained = keep
}

func (l *loop) room(variant proto.Message) int {
	v := l.dir.Of(variant)
	if v == nil || l.link == nil {
		return 0
	}
	e := l.edge(v)
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
