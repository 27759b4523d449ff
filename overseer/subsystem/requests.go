package subsystem

import (
	"bytes"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// openAsk is one entry of the request table. Whatever comes first ends it: the reply, a failure, the timer, the loss of the
// overseer, the end of this subsystem. Since all of them come through the loop, taking the entry out of the table is what
// decides; the rest are late, and counted.
type openAsk struct {
	variant *registry.Variant
	env     *wire.Envelope // without its message once that is of no more use
	size    int            // what it costs of the credit
	edge    *edge
	sent    bool
	silence time.Duration
	timer   *timer
	cause   cause
	item    func(proto.Message)
	end     func(proto.Message, *Failure)
}

func (l *loop) ask(chain string, req proto.Message, timeout time.Duration, item func(proto.Message), end func(proto.Message, *Failure)) (cancel func()) {
	end = l.once(end)
	u, size, f := l.check(chain, req, true)
	var v *registry.Variant
	if u != nil {
		v = u.variant
	}
	switch {
	case f != nil:
	case timeout <= 0:
		f = Failf(Refused, "%s was asked without a deadline", v.Short())
	case v.Stream != (item != nil):
		f = Failf(Refused, "%s is answered by a stream: %t; Ask one-shot requests and Watch streamed ones", v.Short(), v.Stream)
	case len(l.asks) >= maxAsks:
		f = Failf(Overloaded, "%d asks of %s are open", len(l.asks), l.spec.Name)
	}
	a := &openAsk{variant: v, silence: timeout, cause: l.current, item: item, end: end}
	if f == nil {
		a.edge = l.edgeOf(u, chain)
		f = l.question(a, req, size)
	}
	if f != nil { // through the loop like every other end: an Ask never calls back before it returns
		l.timers.add(l.runtime.Now(), func() { end(nil, f) })
		l.arm()
		return func() {}
	}
	a.timer = l.timers.add(l.runtime.Now().Add(timeout), func() { l.expire(a) })
	l.arm()
	l.asks[a.env.ID] = a
	return func() { l.cancel(a) }
}

// question encodes an ask and sends it, or lets it wait. One that is sent now and won't be sent again is encoded where it is sent from, and not
// kept.
func (l *loop) question(a *openAsk, req proto.Message, size int) *Failure {
	v := a.variant
	message := size + wire.VariantHeaderSize(v.Enum, v.Field, size)
	payload := func(b []byte) ([]byte, error) {
		return encode.MarshalAppend(wire.AppendVariantHeader(b, v.Enum, v.Field, size), req)
	}
	a.env, a.size = &wire.Envelope{}, wire.SizeOf(message)
	l.header(a.env, v, a.edge.key.chain, req)
	a.sent = l.link != nil && a.edge.parked.len() == 0 && a.edge.hasRoom(l.window, a.size)
	var err error
	if a.sent {
		a.env.TimeoutMicros = micros(a.silence)
	}
	if a.sent && !a.again() {
		err = l.emitAround(a.env, message, payload)
	} else {
		a.env.Message, err = payload(make([]byte, 0, message))
	}
	switch {
	case err != nil:
		return Failf(Refused, "%s can't be encoded: %v", v.Short(), err)
	case !a.sent:
		a.edge.parked.push(a.waiting())
	case a.again():
		l.transmit(a.edge, a.waiting())
	default:
		l.spend(a.edge, a.size)
	}
	return nil
}

// again tells whether the ask is asked again when the overseer went away with it.
func (a *openAsk) again() bool { return a.variant.RetrySafe && !a.variant.Stream }

// waiting is the ask as an edge holds it.
func (a *openAsk) waiting() outgoing {
	return outgoing{ask: a, counter: a.env.ID.Counter(), size: a.size}
}

// maxAsks bounds the table.
const maxAsks = 1 << 16

// once guards the promise at its last step: an end that is called twice is a fault of ours, never the handler's problem.
func (l *loop) once(end func(proto.Message, *Failure)) func(proto.Message, *Failure) {
	c, done := l.current, false
	return func(m proto.Message, f *Failure) {
		if done {
			l.count.double++
			return
		}
		done = true
		l.current = c
		end(m, f)
	}
}

// finish takes an ask out of the table and gives its credit back. It tells whether the ask was still open.
func (l *loop) finish(a *openAsk) bool {
	if l.asks[a.env.ID] != a {
		return false
	}
	delete(l.asks, a.env.ID)
	l.timers.remove(a.timer)
	if a.sent {
		l.release(a.edge, a.size)
	}
	return true
}

func (l *loop) expire(a *openAsk) {
	if !l.finish(a) {
		return
	}
	l.stats.outcome(a.variant, TimedOut)
	l.tellCancelled(a)
	a.end(nil, Failf(TimedOut, "%s did not answer %s within %v", a.variant.Subsystem, a.variant.Short(), a.silence))
}

func (l *loop) cancel(a *openAsk) {
	if !l.finish(a) {
		return
	}
	l.tellCancelled(a)
	a.end(nil, Failf(Cancelled, "the asker no longer wants the answer to %s", a.variant.Short()))
}

func (l *loop) tellCancelled(a *openAsk) {
	if a.sent && l.link != nil {
		l.emit(wire.TagFromEnvelope, &wire.Envelope{Kind: wire.Cancel, ID: a.env.ID, Lane: a.env.Lane, To: a.variant.Subsystem})
	}
}

func (l *loop) onReply(e *wire.Envelope) {
	a := l.asks[e.ID]
	switch {
	case a == nil && e.Kind == wire.Fail && l.onRefused(e.ID, e.Failure):
		return
	case a == nil:
		l.count.late++
		return
	case e.SignalSeq > l.seen.sequence || l.early.len() > 0 && e.Lane == wire.LaneBulk:
		early := *e
		early.Reply = bytes.Clone(e.Reply) // what it came in is used again
		l.early.push(early)
		return
	}
	l.onAnswer(a, e)
}

func (l *loop) onAnswer(a *openAsk, e *wire.Envelope) {
	if e.Kind == wire.Fail {
		f := fromWire(e.Failure)
		if l.finish(a) {
			l.stats.outcome(a.variant, f.Code)
			a.end(nil, f)
		}
		return
	}
	resp, f := decodeReply(a.variant, e)
	switch {
	case f != nil:
		if l.finish(a) {
			l.stats.outcome(a.variant, f.Code)
			a.end(nil, f)
		}
	case a.variant.Stream:
		l.onItem(a, e.More, resp)
	case l.finish(a):
		l.stats.outcome(a.variant, 0)
		a.end(resp, nil)
	}
}

// onItem takes one part of a streamed answer; the part that has no bytes and no `more` is the end.
func (l *loop) onItem(a *openAsk, more bool, resp proto.Message) {
	if more {
		l.timers.remove(a.timer)
		a.timer = l.timers.add(l.runtime.Now().Add(a.silence), func() { l.expire(a) })
		l.arm()
		l.current = a.cause
		a.item(resp)
		return
	}
	if l.finish(a) {
		l.stats.outcome(a.variant, 0)
		a.end(nil, nil)
	}
}

func decodeReply(v *registry.Variant, e *wire.Envelope) (proto.Message, *Failure) {
	resp := v.NewResponse()
	if err := decode.Unmarshal(e.Reply, resp); err != nil {
		return nil, Failf(Refused, "the answer of %s to %s doesn't decode: %v", v.Subsystem, v.Short(), err)
	}
	return resp, nil
}

// failAll ends every ask for which keep is false; the order is that of asking.
func (l *loop) failAll(f *Failure, keep func(*openAsk) bool) {
	var open []*openAsk
	for _, a := range l.asks {
		if !keep(a) {
			open = append(open, a)
		}
	}
	sortAsks(open)
	for _, a := range open {
		if l.finish(a) {
			l.stats.outcome(a.variant, f.Code)
			a.end(nil, f)
		}
	}
}
