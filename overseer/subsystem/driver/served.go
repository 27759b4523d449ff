package driver

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// served is what the program is given to handle, and the requests among it that it hasn't answered. Each is answered at
// most once, and one that is delivered a second time to the same process is not handled a second time.
type served struct {
	program  Program
	catalog  *catalog
	w        *writer
	runtime  Runtime
	causes   *causes
	timeline *timeline
	trace    tracer
	count    *counters

	open      map[wire.ID]*Request
	recent    recent
	handledAt time.Time // when the last message was handled
	spare     []Request // for the next ones
}

// unmarshal is for messages that are new, and of a language without required fields.
var unmarshal = proto.UnmarshalOptions{Merge: true, AllowPartial: true}

// handle has the program handle one message, which it began with at began.
func (s *served) handle(e *wire.Envelope, began time.Time) {
	kind, body, f := s.decode(e)
	var r *Request
	if e.Kind == wire.Request {
		r = s.request(e, kind)
	}
	switch {
	case f != nil:
		s.count.undecodable++
		if r != nil {
			s.fail(r, f)
		}
	case e.Attempt == 0 || !s.repeated(e):
		s.dispatch(e, kind, body, r, began)
	}
	if e.Kind == wire.OneWay {
		s.recent.add(e.ID)
	}
	s.w.progress.message(e, r != nil && !r.open)
}

// decode decodes the message inside.
func (s *served) decode(e *wire.Envelope) (*received, proto.Message, *wire.Failure) {
	enum, variant, bytes, err := wire.Variant(e.Message)
	if err != nil {
		return nil, nil, failf(refused, "the message doesn't decode: %v", err)
	}
	kind := s.catalog.received(enum, variant)
	if kind == nil {
		return nil, nil, failf(unimplemented, "%s knows no variant %d.%d", s.catalog.declared.Name, enum, variant)
	}
	v := kind.variant
	if v.IsRequest() != (e.Kind == wire.Request) {
		return kind, nil, failf(refused, "%s was sent as what it is not: a request, or none", v.Short())
	}
	body := kind.body(len(bytes))
	if err := unmarshal.Unmarshal(bytes, body); err != nil {
		return kind, nil, failf(refused, "%s doesn't decode: %v", v.Short(), err)
	}
	return kind, body, nil
}

// repeated tells whether this process had the message before: it was redelivered because the overseer could not know.
func (s *served) repeated(e *wire.Envelope) bool {
	if e.Kind == wire.Request {
		return s.open[e.ID] != nil
	}
	return s.recent.has(e.ID)
}

// dispatch gives the program a message that was decoded.
func (s *served) dispatch(e *wire.Envelope, kind *received, body proto.Message, r *Request, began time.Time) {
	s.causes.current = causeOf(e, kind.variant.Short())
	if r != nil {
		s.open[e.ID] = r
	}
	end := s.trace.handling(&s.causes.current, kind.variant, e)
	s.program.Handle(Message{Body: body, From: e.From, Chain: e.Chain, Attempt: int(e.Attempt), Request: r})
	s.handledAt = s.runtime.Now()
	kind.seconds.Observe(s.handledAt.Sub(began).Seconds())
	end()
}

// respond sends a reply or failure. While the overseer is away it is dropped: the asker's end of the bus has ended the
// ask or asks again.
func (s *served) respond(e *wire.Envelope) {
	if s.w.link == nil {
		s.count.late++
		return
	}
	e.SignalSeq = s.timeline.sequence
	s.w.envelope(e)
}

// reply is respond with an answer of size bytes, which is encoded where it is sent from.
func (s *served) reply(e *wire.Envelope, resp proto.Message, size int) error {
	if s.w.link == nil || size == 0 {
		s.respond(e)
		return nil
	}
	e.SignalSeq = s.timeline.sequence
	return s.w.around(e, size, func(b []byte) ([]byte, error) { return marshal.MarshalAppend(b, resp) })
}

func (s *served) fail(r *Request, f *wire.Failure) {
	r.close()
	s.respond(&wire.Envelope{Kind: wire.Fail, ID: r.id, Lane: r.lane, Failure: f})
}

// cancel is the asker no longer wanting the answer.
func (s *served) cancel(id wire.ID) {
	r := s.open[id]
	if r == nil {
		return
	}
	r.close()
	if r.onCancel != nil {
		r.onCancel()
	}
}

// detach ends the requests, as if all had been cancelled: nobody waits for these any more; a retry-safe one comes
// again.
func (s *served) detach() {
	inOrder := func(a, b wire.ID) int { return bytes.Compare(a[:], b[:]) }
	for _, id := range slices.SortedFunc(maps.Keys(s.open), inOrder) {
		s.cancel(id)
	}
}

// request is an entry for e. It isn't in the table yet, and nobody else will get it.
func (s *served) request(e *wire.Envelope, kind *received) *Request {
	if len(s.spare) == 0 {
		s.spare = make([]Request, together)
	}
	r := &s.spare[0]
	s.spare = s.spare[1:]
	r.served, r.id, r.lane, r.open = s, e.ID, e.Lane, true
	if kind != nil {
		r.variant = kind.variant
	}
	return r
}

// Request is the way back for the answer to a request. What comes after its end is dropped and counted.
type Request struct {
	served   *served
	variant  *registry.Variant
	id       wire.ID
	lane     wire.Lane
	open     bool
	onCancel func()
}

// Open tells whether an answer is still wanted.
func (r *Request) Open() bool { return r.open }

// OnCancel sets what is to be done when the asker no longer wants the answer, or can no longer be told.
func (r *Request) OnCancel(f func()) { r.onCancel = f }

// Reply answers. The answer must be of the type that the protocol names.
func (r *Request) Reply(resp proto.Message) {
	if got := resp.ProtoReflect().Descriptor().FullName(); r.open && got != r.variant.ResponseName() {
		panic(fmt.Sprintf("%s is answered with %s, the protocol says %s", r.variant.Name, got,
			r.variant.ResponseName()))
	}
	r.answer(resp, false)
}

// Item sends one part of a streamed answer.
func (r *Request) Item(resp proto.Message) { r.answer(resp, true) }

// End ends a streamed answer.
func (r *Request) End() {
	if r.open {
		r.close()
		r.served.respond(&wire.Envelope{Kind: wire.Reply, ID: r.id, Lane: r.lane})
	}
}

// Fail ends the request with a failure.
func (r *Request) Fail(f *overseerv1.Failure) {
	if !r.open {
		r.served.count.late++
		return
	}
	r.served.fail(r, f)
}

func (r *Request) answer(resp proto.Message, more bool) {
	if !r.open {
		r.served.count.late++
		return
	}
	size := proto.Size(resp)
	if f := r.served.catalog.fits(r.variant.ResponseName(), size); f != nil {
		r.served.fail(r, f)
		return
	}
	err := r.served.reply(&wire.Envelope{Kind: wire.Reply, ID: r.id, Lane: r.lane, More: more}, resp, size)
	switch {
	case err != nil:
		r.served.fail(r, failf(refused, "the answer can't be encoded: %v", err))
	case !more:
		r.close()
	}
}

func (r *Request) close() {
	r.open = false
	delete(r.served.open, r.id)
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
