package subsystem

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// receive takes a batch of the overseer's frames from a link's reader and queues what is in it. It returns how many events that
// makes; a frame that doesn't decode ends the link, since the overseer is no stranger.
func (l *loop) receive(in *wire.Memory, names wire.Names) (n int, err error) {
	l.inbox.mu.Lock()
	defer l.inbox.mu.Unlock()
	if l.inbox.closed {
		return 0, nil
	}
	err = wire.Frames(in.Bytes, func(tag wire.Tag, body []byte) error {
		n++
		return l.inbox.frame(l, tag, body, names, in)
	})
	l.inbox.arrived += uint64(n)
	return n, err
}

func (b *inbox) frame(l *loop, tag wire.Tag, body []byte, names wire.Names, in *wire.Memory) error {
	switch tag {
	case wire.TagToEnvelope:
		if _, err := b.parser.Parse(body, names); err != nil {
			return err
		}
		b.envelope(l, in)
	case wire.TagCredit:
		credits, err := wire.ParseCredit(body)
		if err != nil {
			return err
		}
		b.control.push(func() { l.onCredit(credits) })
	case wire.TagSignals:
		var s overseerv1.SignalBatch
		if err := proto.Unmarshal(body, &s); err != nil {
			return err
		}
		b.control.push(func() { l.onSignals(s.GetSignals()) })
	case wire.TagPresence:
		var p overseerv1.Presence
		if err := proto.Unmarshal(body, &p); err != nil {
			return err
		}
		b.control.push(func() { l.onPresence(&p) })
	case wire.TagStatus:
		var r statusv1.StatusRequest
		if err := proto.Unmarshal(body, &r); err != nil {
			return err
		}
		b.control.push(func() { l.onStatus(&r) })
	}
	return nil
}

// envelope queues the one that was parsed.
func (b *inbox) envelope(l *loop, in *wire.Memory) {
	p := &b.parser.Envelope
	if p.Kind == wire.OneWay || p.Kind == wire.Request {
		b.lanes[p.Lane].push(arrived{*p, in.Hold()})
		b.waiting++
		return
	}
	e := *p
	if e.Kind == wire.Cancel {
		b.control.push(func() { l.onCancel(&e) })
		return
	}
	in.Hold()
	b.control.push(func() {
		l.onReply(&e)
		b.release(in)
	})
}

// memory is for who reads what comes next.
func (b *inbox) memory() *wire.Memory {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spare.Take()
}

func (b *inbox) release(m *wire.Memory) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m.Release()
}

func (l *loop) onCancel(e *wire.Envelope) {
	m := l.serving[e.ID]
	if m == nil {
		return
	}
	m.close()
	if m.onCancel != nil {
		m.onCancel()
	}
}

// onEnvelope handles one message.
func (l *loop) onEnvelope(e *wire.Envelope) {
	m := l.newMessage()
	m.From, m.Chain, m.Attempt, m.loop, m.id, m.open = e.From, e.Chain, int(e.Attempt), l, e.ID, e.Kind == wire.Request
	if f := l.open(e, m); f != nil {
		l.count.undecodable++
		if m.open {
			l.respond(&wire.Envelope{Kind: wire.Fail, ID: e.ID, Lane: e.Lane, Failure: toWire(f)})
		}
	} else if e.Attempt == 0 || !l.repeated(m) {
		l.handle(m, e)
	}
	if e.Kind == wire.OneWay {
		l.recent.add(e.ID)
		l.progress.done.Lanes[e.Lane]++
		l.progressed(e)
	} else if l.progress.done.Requests++; m.open { // an answer says as much
		l.progressed(e)
	}
	l.finished()
}

// repeated tells whether this process had the message before: it was redelivered because the overseer could not know.
func (l *loop) repeated(m *Message) bool {
	if m.IsRequest() {
		return l.serving[m.id] != nil
	}
	return l.recent.has(m.id)
}

func (l *loop) handle(m *Message, e *wire.Envelope) {
	if m.open {
		l.serving[m.id] = m
	}
	correlation := e.Correlation
	if correlation.IsZero() {
		correlation = e.ID
	}
	l.current = cause{id: e.ID, correlation: correlation, traceparent: e.Traceparent}
	m.cause = l.current
	end := l.trace.handling(&l.current, m)
	l.handler.Handle(m)
	l.handledAt = l.runtime.Now()
	m.kind.seconds.Observe(l.handledAt.Sub(l.inbox.handled).Seconds())
	end()
}

// decode is for messages that are new, and of a language without required fields.
var decode = proto.UnmarshalOptions{Merge: true, AllowPartial: true}

// open decodes the message inside.
func (l *loop) open(e *wire.Envelope, m *Message) *Failure {
	sub, variant, body, err := wire.Variant(e.Message)
	if err != nil {
		return Failf(Refused, "the message doesn't decode: %v", err)
	}
	if m.kind = l.receivedAs(sub, variant); m.kind == nil {
		return Failf(Unimplemented, "%s knows no variant %d.%d", l.spec.Name, sub, variant)
	}
	m.variant = m.kind.variant
	if m.variant.IsRequest() != (e.Kind == wire.Request) {
		return Failf(Refused, "%s was sent as what it is not: a request, or none", m.variant.Short())
	}
	m.Body = m.kind.body(len(body))
	if err := decode.Unmarshal(body, m.Body); err != nil {
		return Failf(Refused, "%s doesn't decode: %v", m.variant.Short(), err)
	}
	return nil
}

// respond sends a reply or failure. While the overseer is away it is dropped: the asker's end of the bus has ended the ask or
// asks again.
func (l *loop) respond(e *wire.Envelope) {
	if l.link == nil {
		l.count.late++
		return
	}
	e.SignalSeq = l.seen.sequence
	l.emit(wire.TagFromEnvelope, e)
}

// reply is respond with an answer of size bytes, which is encoded where it is sent from.
func (l *loop) reply(e *wire.Envelope, resp proto.Message, size int) error {
	if l.link == nil || size == 0 {
		l.respond(e)
		return nil
	}
	e.SignalSeq = l.seen.sequence
	return l.emitAround(e, size, func(b []byte) ([]byte, error) { return encode.MarshalAppend(b, resp) })
}

// recent remembers the ids of the last messages handled. It is looked into only when a message is redelivered.
type recent struct {
	ids  [4096]wire.ID
	next int
}

func (r *recent) add(id wire.ID) {
	r.ids[r.next] = id
	r.next = (r.next + 1) % len(r.ids)
}

func (r *recent) has(id wire.ID) bool {
	for i := range r.ids {
		if r.ids[i] == id {
			return true
		}
	}
	return false
}
