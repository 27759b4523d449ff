package subsystem

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem/driver"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Sub is a handler's way out: to other subsystems, to time, to slow work. All its methods but Post are for the
// handler's own use, on its own loop.
type Sub struct {
	// Log is labelled with the subsystem's name.
	Log *slog.Logger

	program *program
	out     *driver.Out
	chain   string // that what is sent is about
	between Interceptor
}

// On is the way out for what is about one chain, to the instance that serves it of a subsystem per chain. It is for a
// subsystem that serves all chains; one that serves a single chain needs it for nothing, since all that it sends is
// about its own.
func (s *Sub) On(chain string) *Sub {
	if s.chain == chain {
		return s
	}
	on := s.program.sub(chain)
	if s.between != nil {
		return on.Through(s.between)
	}
	return on
}

// Chain is the one that this instance serves, or that On named; empty: none in particular.
func (s *Sub) Chain() string { return s.chain }

// Send sends a one-way message; the receiver follows from the variant. When the receiver has no room the message waits
// here, in order, without anyone waiting for it; gossip is shed instead, and counted. A sender that wants to know uses
// TrySend.
func (s *Sub) Send(msg proto.Message) {
	if s.between != nil {
		for _, m := range s.between.Send(msg) {
			s.direct().Send(m)
		}
		return
	}
	if f := s.out.Send(s.chain, msg, true); f != nil {
		s.out.Complain(msg, f)
	}
}

// TrySend is Send that doesn't wait: it fails with Overloaded when the receiver has no room now.
func (s *Sub) TrySend(msg proto.Message) error {
	if s.between != nil {
		var err error
		for _, m := range s.between.Send(msg) {
			err = errors.Join(err, s.direct().TrySend(m))
		}
		return err
	}
	if f := s.out.Send(s.chain, msg, false); f != nil {
		return fromProtocol(f)
	}
	return nil
}

// Room tells how many messages of the variant's kind can be sent now without waiting. A subsystem that takes in work
// from outside the node takes no more than there is room for.
func (s *Sub) Room(variant proto.Message) int { return s.out.Room(s.chain, variant) }

// Ask asks a request and calls then exactly once, on the loop: with the answer, or with a *Failure. The timeout is not
// optional: zero and less are refused.
func Ask[R proto.Message](s *Sub, req proto.Message, timeout time.Duration, then func(resp R, err error)) {
	end := func(resp proto.Message, f *overseerv1.Failure) {
		var zero R
		if f != nil {
			then(zero, fromProtocol(f))
			return
		}
		r, ok := resp.(R)
		if !ok {
			then(zero, Failf(Refused, "%T is no answer to %T", resp, req))
			return
		}
		then(r, nil)
	}
	if s.between != nil {
		if answer := s.between.Ask(req); answer != nil {
			s.After(0, func() { end(answer, nil) })
			return
		}
	}
	s.out.Ask(s.chain, req, timeout, end)
}

// Watch asks a streamed request: item is called for every part, in order, then end exactly once, with nil or a
// *Failure. The timeout bounds the silence between two parts, not the whole. The returned function cancels.
func Watch[R proto.Message](s *Sub, req proto.Message, silence time.Duration, item func(R),
	end func(err error)) (cancel func()) {
	part := func(resp proto.Message) {
		if r, ok := resp.(R); ok {
			item(r)
		}
	}
	return s.out.Watch(s.chain, req, silence, part, func(f *overseerv1.Failure) {
		if f != nil {
			end(fromProtocol(f))
			return
		}
		end(nil)
	})
}

// After calls f on the loop when d has passed, unless it is cancelled before.
func (s *Sub) After(d time.Duration, f func()) (cancel func()) { return s.out.After(d, f) }

// Offload runs work off the loop, on a bounded pool, and then calls then on the loop. In the simulator the work is done
// at once and its end comes later, in virtual time.
func Offload[T any](s *Sub, work func() (T, error), then func(T, error)) {
	var v T
	var err error
	s.out.Offload(func() { v, err = work() }, func() { then(v, err) })
}

// Post calls f on the loop. It is the one method that other goroutines may call: ports bring outside events in through
// it.
func (s *Sub) Post(f func()) { s.out.Post(f) }

// Now is the time: real in production, virtual in tests and in the simulator.
func (s *Sub) Now() time.Time { return s.out.Now() }

// Rand is the source of randomness: seeded in the simulator.
func (s *Sub) Rand() *rand.Rand { return s.out.Rand() }

// Name is the subsystem's name.
func (s *Sub) Name() string { return s.program.spec.Name }

// Traceparent is the W3C trace context of what the handler does now; empty when its trace isn't sampled. It is for a
// port that carries a call out of the node's bus, into a plugin for example.
func (s *Sub) Traceparent() string { return s.out.Traceparent() }

// Continue calls f as part of the trace that traceparent names, which Traceparent gave earlier or which came in from
// outside the bus: what f sends is part of it. Empty: f is called as it is.
func (s *Sub) Continue(traceparent string, f func()) { s.out.Continue(traceparent, f) }

// About calls f, whose work is about a block or candidate with this hash. What gives its name. It is remembered, among
// the last few thousand, with the time and the message because of which it is done, for those who ask what was done.
// If the trace of the hash is sampled, a span is opened for it, and what f sends is part of that trace; all nodes
// sample the same hashes.
func (s *Sub) About(hash []byte, what string, f func()) { s.out.About(hash, what, f) }

// Fatal ends the process with err, after flushing what was sent. It is for what the handler can't go on with: a safety
// halt, a damaged disk.
func (s *Sub) Fatal(err error) { s.out.Fatal(err) }
