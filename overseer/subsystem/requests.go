package subsystem

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/buswire"
	"github.com/reevenet/reeve/internal/directory"
)

// openAsk is one entry of the request table. Whatever comes first ends it: the reply, a failure, the timer, the loss of the
// overseer, the end of this subsystem. Since all of them come through the loop, taking the entry out of the table is what
// decides; the rest are late, and counted.
type openAsk struct {
	variant *directory.Variant
	env     *buswire.Envelope
	edge    *edge
	sent    bool
	silence time.Duration
	timer   *timer
	cause   cause
	item    func(proto.Message)
	end     func(proto.Message, *Failure)
}

func (l *loop) ask(req proto.Message, timeout time.Duration, item func(proto.Message), end func(proto.Message, *Failure)) (cancel func()) {
	end = l.once(end)
	u, size, f := l.check(req, true)
	var v *directory.Variant
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
	var env *buswire.Envelope
	if f == nil {
		env, f = l.question(v, req, size)
	}
	if f != nil { // through the loop like every other end: an Ask never calls back before it returns
		l.timers.add(l.world.Now(), func() { end(nil, f) })
		l.arm()
		return func() {}
	}
	a := &openAsk{variant: v, env: env, edge: l.edgeOf(u), silence: timeout, cause: l.current, item: item, end: end}
	a.timer = l.timers.add(l.world.Now().Add(timeout), func() { l.expire(a) })
	l.arm()
	l.asks[env.ID] = a
	if l.link != nil && a.edge.parked.len() == 0 && a.edge.hasRoom(l.window, env.Size()) {
		a.sent = true
		env.TimeoutMicros = micros(timeout)
		l.transmit(a.edge, a.waiting())
	} else {
		a.edge.parked.push(a.waiting())
	}
	return func() { l.cancel(a) }
}

// question is the envelope of an ask.
func (l *loop) question(v *directory.Variant, req proto.Message, size int) (*buswire.Envelope, *Failure) {
	body := make([]byte, 0, size+buswire.VariantHeader)
	body, err := encode.MarshalAppend(buswire.AppendVariantHeader(body, v.Enum, v.Field, size), req)
	if err != nil {
		return nil, Failf(Refused, "%s can't be encoded: %v", v.Short(), err)
	}
	e := &buswire.Envelope{}
	l.header(e, v, req)
	e.Message = body
	return e, nil
}

// waiting is the ask as an edge holds it.
func (a *openAsk) waiting() outgoing {
	return outgoing{ask: a, counter: a.env.ID.Counter(), size: a.env.Size()}
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
		l.release(a.edge, a.env.Size())
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
		l.emit(buswire.TagFromEnvelope, &buswire.Envelope{Kind: buswire.Cancel, ID: a.env.ID, Lane: a.env.Lane, To: a.variant.Subsystem})
	}
}

func (l *loop) onReply(e *buswire.Envelope) {
	a := l.asks[e.ID]
	switch {
	case a == nil && e.Kind == buswire.Fail && l.onRefused(e.ID, e.Failure):
		return
	case a == nil:
		l.count.late++
		return
	case e.SignalSeq > l.seen.sequence || l.early.len() > 0 && e.Lane == buswire.LaneBulk:
		l.early.push(*e)
		return
	}
	l.onAnswer(a, e)
}

func (l *loop) onAnswer(a *openAsk, e *buswire.Envelope) {
	if e.Kind == buswire.Fail {
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
		a.timer = l.timers.add(l.world.Now().Add(a.silence), func() { l.expire(a) })
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

func decodeReply(v *directory.Variant, e *buswire.Envelope) (proto.Message, *Failure) {
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
