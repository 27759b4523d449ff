package driver

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Out is a program's way out: to other subsystems, to time, to slow work. All but Post is for the program's own use,
// while it is called.
type Out struct{ m *Machine }

// Log is labelled with the subsystem's name and chain.
func (o *Out) Log() *slog.Logger { return o.m.log }

// Chain is the one that the instance serves; empty: all.
func (o *Out) Chain() string { return o.m.cfg.Chain }

// Send sends a one-way message about a chain. Without credit it waits for some where wait is set, and is refused
// otherwise.
func (o *Out) Send(chain string, msg proto.Message, wait bool) *overseerv1.Failure {
	return o.m.sender.send(chain, msg, wait)
}

// Complain logs, once in a while, that a message was not sent.
func (o *Out) Complain(msg proto.Message, f *overseerv1.Failure) {
	o.m.sender.complain(string(msg.ProtoReflect().Descriptor().Name()), f)
}

// Room tells how many messages like msg can be sent about a chain without waiting.
func (o *Out) Room(chain string, msg proto.Message) int { return o.m.sender.room(chain, msg) }

// Ask asks a request about a chain; end is called exactly once, later, with the answer or a failure.
func (o *Out) Ask(chain string, req proto.Message, timeout time.Duration,
	end func(proto.Message, *overseerv1.Failure)) {
	o.m.asks.begin(chain, req, &ask{patience: timeout, end: end})
}

// Watch asks a streamed request: item is called for each part, then end exactly once. silence is the longest time
// between two parts.
func (o *Out) Watch(chain string, req proto.Message, silence time.Duration,
	item func(proto.Message), end func(*overseerv1.Failure)) (cancel func()) {
	return o.m.asks.begin(chain, req, &ask{patience: silence, item: item,
		end: func(_ proto.Message, f *overseerv1.Failure) { end(f) }})
}

// After calls f when d has passed, unless it is cancelled before. What f sends is part of no trace.
func (o *Out) After(d time.Duration, f func()) (cancel func()) {
	t := o.m.timers.after(d, o.m.causes.later(f))
	return func() { o.m.timers.remove(t) }
}

// Offload has work done elsewhere, and then calls done.
func (o *Out) Offload(work, done func()) {
	m := o.m
	m.offloaded++
	back := m.causes.carry(func() {
		m.offloaded--
		done()
	})
	m.cfg.Runtime.Offload(work, func() { m.post(back) })
}

// Post calls f in its turn. Any goroutine may call it.
func (o *Out) Post(f func()) { o.m.post(f) }

// Now is the runtime's time.
func (o *Out) Now() time.Time { return o.m.cfg.Runtime.Now() }

// Rand is the runtime's source of randomness.
func (o *Out) Rand() *rand.Rand { return o.m.cfg.Runtime.Rand() }

// Traceparent is the W3C trace context of what the program does now; empty when its trace isn't sampled.
func (o *Out) Traceparent() string { return o.m.causes.current.traceparent }

// Blobs is the node's blob store.
func (o *Out) Blobs() Blobs { return o.m.blobs }

// Continue calls f as part of a trace, as Traceparent names one; empty: of the one that is current.
func (o *Out) Continue(traceparent string, f func()) {
	current := &o.m.causes.current
	before := current.traceparent
	if traceparent != "" {
		current.traceparent = traceparent
	}
	f()
	current.traceparent = before
}

// About calls f as part of the trace of a block's or candidate's hash, under a span of its own, if that trace is
// sampled. That it did is remembered for those who ask.
func (o *Out) About(hash []byte, what string, f func()) {
	o.m.steps.note(hash, what, o.m.causes.current, o.m.cfg.Runtime.Now())
	end := o.m.headers.trace.about(&o.m.causes.current, hash, what)
	f()
	end()
}

// Unknown counts a message that the program doesn't know.
func (o *Out) Unknown() { o.m.count.unknown++ }

// Fatal ends the instance with err, once what was sent has been written.
func (o *Out) Fatal(err error) { o.m.stop(err) }
