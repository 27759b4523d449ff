package driver

import (
	"bytes"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// asks is the table of the requests that a program has asked and that have no outcome. Each has a deadline, and ends
// exactly once: whatever comes first (the reply, a failure, the timer, the asker's cancellation, the loss of the
// overseer, the end of the program) takes it out of the table, and what comes later is dropped and counted. An ask
// never ends before the call that began it has returned.
type asks struct {
	catalog  *catalog
	headers  *headers
	edges    *edges
	timers   *timers
	causes   *causes
	timeline *timeline
	stats    *stats
	count    *counters

	open  map[wire.ID]*ask
	early queue[wire.Envelope] // answers that came, on the other stream, before a signal that their sender had seen
}

// ask is one entry.
type ask struct {
	variant  *registry.Variant
	env      *wire.Envelope // without its message once that is of no more use
	size     int            // what it costs of the credit
	edge     *edge
	sent     bool // its credit is spent
	gone     bool // it has left the table
	ended    bool // its outcome was given to the program
	patience time.Duration
	timer    *timer
	cause    cause
	item     func(proto.Message) // of a streamed answer
	end      func(proto.Message, *wire.Failure)
}

// maxAsks bounds the table.
const maxAsks = 1 << 16

// begin asks a request about a chain. The timeout is for the whole answer, or for each silence between the items of a
// streamed one.
func (t *asks) begin(chain string, req proto.Message, a *ask) (cancel func()) {
	a.cause = t.causes.current
	if f := t.send(chain, req, a); f != nil {
		t.timers.after(0, func() { t.deliver(a, nil, f) })
		return func() {}
	}
	a.timer = t.timers.after(a.patience, func() { t.expire(a) })
	t.open[a.env.ID] = a
	return func() { t.cancel(a) }
}

// send finds out what keeps a request from being asked; otherwise it leaves, or waits for credit.
func (t *asks) send(chain string, req proto.Message, a *ask) *wire.Failure {
	u, size, f := t.catalog.check(chain, req, true)
	if f != nil {
		return f
	}
	v := u.variant
	switch {
	case a.patience <= 0:
		return failf(refused, "%s was asked without a deadline", v.Short())
	case v.Stream != (a.item != nil):
		return failf(refused, "%s is answered by a stream: %t; Ask one-shot requests and Watch streamed ones",
			v.Short(), v.Stream)
	case len(t.open) >= maxAsks:
		return failf(overloaded, "%d asks of %s are open", len(t.open), t.headers.name)
	}
	a.variant, a.edge, a.env = v, t.edges.of(u, chain), &wire.Envelope{}
	t.headers.fill(a.env, v, chain, req)
	message := size + wire.VariantHeaderSize(v.Enum, v.Field, size)
	a.size = wire.SizeOf(message)
	payload := func(b []byte) ([]byte, error) {
		return marshal.MarshalAppend(wire.AppendVariantHeader(b, v.Enum, v.Field, size), req)
	}
	if err := t.leave(a, message, payload); err != nil {
		return failf(refused, "%s can't be encoded: %v", v.Short(), err)
	}
	return nil
}

// leave sends a request whose message of so many bytes payload encodes, or lets it wait. One that leaves now and won't
// be sent again is encoded where it leaves from, and not kept.
func (t *asks) leave(a *ask, message int, payload func([]byte) ([]byte, error)) (err error) {
	a.sent = t.edges.open(a.edge, a.size)
	if a.sent {
		a.env.TimeoutMicros = micros(a.patience)
	}
	if a.sent && !a.again() {
		if err = t.edges.w.around(a.env, message, payload); err == nil {
			t.edges.spend(a.edge, a.size)
		}
		return err
	}
	if a.env.Message, err = payload(make([]byte, 0, message)); err != nil {
		return err
	}
	if a.sent {
		t.edges.transmit(a.edge, a.outgoing())
	} else {
		a.edge.parked.push(a.outgoing())
	}
	return nil
}

func micros(d time.Duration) uint64 { return uint64(max(d, time.Microsecond) / time.Microsecond) }

// again tells whether the ask is asked again when the overseer went away with it.
func (a *ask) again() bool { return a.variant.RetrySafe && !a.variant.Stream }

// outgoing is the ask as an edge holds it.
func (a *ask) outgoing() outgoing { return outgoing{ask: a, counter: a.env.ID.Counter(), size: a.size} }

// leave is its edge having credit for it now; false when it has ended.
func (a *ask) leave(now time.Time) bool {
	if a.gone {
		return false
	}
	a.sent = true
	a.env.TimeoutMicros = micros(a.timer.at.Sub(now))
	return true
}

func (a *ask) transmit(w *writer) {
	w.envelope(a.env)
	if !a.again() {
		a.env.Message = nil
	}
}

// answer takes the answer to an ask, or a part of it; what has an ask of nobody is returned.
func (t *asks) answer(e *wire.Envelope) (known bool) {
	a := t.open[e.ID]
	if a == nil {
		return false
	}
	if e.SignalSeq > t.timeline.sequence || t.early.len() > 0 && e.Lane == wire.LaneBulk {
		early := *e
		early.Reply = bytes.Clone(e.Reply) // what it came in is used again
		t.early.push(early)
		return true
	}
	t.onAnswer(a, e)
	return true
}

// settle takes the answers that waited for the signals that have been handled now.
func (t *asks) settle() {
	for t.early.len() > 0 && t.early.first().SignalSeq <= t.timeline.sequence {
		e := t.early.pop()
		if a := t.open[e.ID]; a != nil {
			t.onAnswer(a, &e)
		} else {
			t.count.late++
		}
		t.causes.clear()
	}
}

func (t *asks) onAnswer(a *ask, e *wire.Envelope) {
	if e.Kind == wire.Fail {
		f := e.Failure
		if f == nil {
			f = failf(refused, "the failure came without a reason")
		}
		t.end(a, nil, f)
		return
	}
	resp := a.variant.NewResponse()
	switch err := unmarshal.Unmarshal(e.Reply, resp); {
	case err != nil:
		t.end(a, nil, failf(refused, "the answer of %s to %s doesn't decode: %v", a.variant.Subsystem,
			a.variant.Short(), err))
	case a.variant.Stream && e.More:
		t.onItem(a, resp)
	case a.variant.Stream: // the part that has no bytes and no `more` is the end
		t.end(a, nil, nil)
	default:
		t.end(a, resp, nil)
	}
}

// onItem takes one part of a streamed answer.
func (t *asks) onItem(a *ask, resp proto.Message) {
	t.timers.remove(a.timer)
	a.timer = t.timers.after(a.patience, func() { t.expire(a) })
	t.causes.current = a.cause
	a.item(resp)
}

func (t *asks) expire(a *ask) {
	t.interrupt(a)
	t.end(a, nil, failf(timedOut, "%s did not answer %s within %v", a.variant.Subsystem, a.variant.Short(), a.patience))
}

func (t *asks) cancel(a *ask) {
	t.interrupt(a)
	t.end(a, nil, failf(cancelled, "the asker no longer wants the answer to %s", a.variant.Short()))
}

// interrupt lets the responder know that nobody waits any more.
func (t *asks) interrupt(a *ask) {
	if !a.gone && a.sent && t.edges.w.link != nil {
		t.edges.w.envelope(&wire.Envelope{Kind: wire.Cancel, ID: a.env.ID, Lane: a.env.Lane, To: a.variant.Subsystem})
	}
}

// end takes an ask out of the table, gives its credit back and gives the program its outcome, unless it has ended.
func (t *asks) end(a *ask, resp proto.Message, f *wire.Failure) {
	if a.gone {
		return
	}
	a.gone = true
	delete(t.open, a.env.ID)
	t.timers.remove(a.timer)
	if a.sent {
		t.edges.release(a.edge, a.size)
	}
	t.stats.outcome(a.variant, f)
	t.deliver(a, resp, f)
}

// deliver is the last step, and guards the promise: an outcome that came twice would be a fault of ours, never the
// program's problem.
func (t *asks) deliver(a *ask, resp proto.Message, f *wire.Failure) {
	if a.ended {
		t.count.double++
		return
	}
	a.ended = true
	t.causes.current = a.cause
	a.end(resp, f)
}

// endAll ends every ask for which keep is false, in the order of asking.
func (t *asks) endAll(f *wire.Failure, keep func(*ask) bool) {
	for _, a := range t.list(func(a *ask) bool { return !keep(a) }) {
		t.end(a, nil, f)
	}
}

// detach ends what can't be asked again: the overseer went away with it.
func (t *asks) detach() {
	t.early.clear()
	t.endAll(failf(unavailable, "the overseer went away; it is being attached again"),
		func(a *ask) bool { return a.again() || !a.sent })
}

// rewind prepares for a new link: what was sent and is safe to ask again waits to be sent.
func (t *asks) rewind(generation uint64) {
	for _, a := range t.list(func(a *ask) bool { return a.sent }) {
		a.sent = false
		a.env.Attempt++
		a.env.Generation = generation
		a.edge.parked.push(a.outgoing())
	}
}

// list lists open asks in the order of asking.
func (t *asks) list(which func(*ask) bool) (list []*ask) {
	for _, a := range t.open {
		if which(a) {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b *ask) int { return bytes.Compare(a.env.ID[:], b.env.ID[:]) })
	return list
}
