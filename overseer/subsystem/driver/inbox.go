package driver

import (
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// inbox is what waits for a machine, and keeps the order in which it is handled. Control (signals, answers, timers,
// posts) comes first, as it came; then the lanes, the better ones first with a floor for the others, each in order; and
// no message before a signal that its sender had seen. Everything in it but the message in hand is behind the lock.
type inbox struct {
	mu      sync.Mutex
	control queue[func()]
	lanes   [wire.LaneCount]queue[arrived]
	waiting int    // in the lanes
	arrived uint64 // counts what was ever queued
	looked  uint64 // arrived, when next last looked
	turn    int
	running bool // somebody takes from it
	closed  bool
	since   time.Time // when the event in hand began; zero between events
	inHand  arrived   // the message that is handled

	spare  wire.Spare // for the readers
	parser wire.Parser
}

// arrived is a message and the memory in which it came.
type arrived struct {
	wire.Envelope
	in *wire.Memory
}

// post queues f behind what is there. It tells whether there is anybody left to run it.
func (b *inbox) post(f func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.arrived++
		b.control.push(f)
	}
	return !b.closed
}

// close ends it: nothing is taken out any more.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}

// drop forgets the messages that came by a link that is lost: they will come again.
func (b *inbox) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.lanes {
		b.lanes[i].clear()
	}
	b.waiting = 0
}

// claim takes the right to take from it, which one goroutine has at a time.
func (b *inbox) claim() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running || b.closed {
		return false
	}
	b.running = true
	return true
}

// What is next in an inbox.
type next int

const (
	nothing next = iota
	control      // the event that is returned with it
	message      // the one in hand
	closed       // the right to take is given back
)

// next ends the event in hand and takes the next one; seen is the last signal that was handled.
func (b *inbox) next(seen uint64, now time.Time) (event func(), kind next) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish()
	b.looked = b.arrived
	switch {
	case b.closed:
		b.running = false
		return nil, closed
	case b.control.len() > 0:
		event, kind = b.control.pop(), control
	case b.waiting > 0 && b.take(seen):
		kind = message
	default:
		return nil, nothing
	}
	b.since = now
	return event, kind
}

// finish ends the event in hand: messages are decoded by copying, so that their memory is free.
func (b *inbox) finish() {
	b.inHand.in.Release()
	b.inHand.in = nil
	b.since = time.Time{}
}

// rest gives the right to take back, unless more has come since next found nothing. It tells whether anything is left.
func (b *inbox) rest(look bool) (rests, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finish()
	if look && b.arrived != b.looked && !b.closed {
		return false, true
	}
	b.running = false
	return true, !b.closed && (b.control.len() > 0 || b.waiting > 0)
}

// floorEvery is how many messages of the first lanes may pass before a lower lane gets a turn: the floor is one in
// sixteen.
const floorEvery = 16

// take takes the next message in hand; false when all that wait come after a signal that wasn't seen.
func (b *inbox) take(seen uint64) bool {
	b.turn++
	q := (*queue[arrived])(nil)
	if b.turn%floorEvery == 0 {
		q = b.lowest(seen)
	}
	for lane := 0; q == nil && lane < len(b.lanes); lane++ {
		if c := &b.lanes[lane]; c.len() > 0 && c.first().SignalSeq <= seen {
			q = c
		}
	}
	if q == nil {
		return false
	}
	b.waiting--
	b.inHand = *q.first()
	q.drop()
	return true
}

// lowest finds the lane that is served from below, in turn, so that none starves.
func (b *inbox) lowest(seen uint64) *queue[arrived] {
	for i := range b.lanes {
		lane := (b.turn/floorEvery + i) % len(b.lanes)
		if q := &b.lanes[lane]; lane > int(wire.LaneConsensus) && q.len() > 0 && q.first().SignalSeq <= seen {
			return q
		}
	}
	return nil
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

// heartbeat is what the process says of itself from outside the machine: how much waits, and how long it has been at
// one event.
func (b *inbox) heartbeat(now time.Time) *overseerv1.Heartbeat {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &overseerv1.Heartbeat{Waiting: uint64(b.waiting)}
	if !b.since.IsZero() {
		h.HandlingMillis = uint64(max(0, now.Sub(b.since).Milliseconds()))
	}
	return h
}

// receive queues a batch of the overseer's frames. It returns how many events that makes. A frame that doesn't decode
// is an error, since the overseer is no stranger.
func (b *inbox) receive(in *wire.Memory, names wire.Names, to receiver) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, nil
	}
	err = wire.Frames(in.Bytes, func(tag wire.Tag, body []byte) error {
		n++
		return b.frame(tag, body, names, in, to)
	})
	b.arrived += uint64(n)
	return n, err
}

// receiver is who handles what a frame says, when its turn comes.
type receiver interface {
	onReply(e *wire.Envelope)
	onCancel(e *wire.Envelope)
	onCredit(credits []wire.EdgeCredit)
	onSignals(signals []*overseerv1.Signal)
	onPresence(p *overseerv1.Presence)
	onStatus(r *statusv1.StatusRequest)
}

func (b *inbox) frame(tag wire.Tag, body []byte, names wire.Names, in *wire.Memory, to receiver) error {
	switch tag {
	case wire.TagToEnvelope:
		if _, err := b.parser.Parse(body, names); err != nil {
			return err
		}
		b.envelope(in, to)
	case wire.TagCredit:
		credits, err := wire.ParseCredit(body)
		if err != nil {
			return err
		}
		b.control.push(func() { to.onCredit(credits) })
	case wire.TagSignals:
		var s overseerv1.SignalBatch
		if err := s.UnmarshalVT(body); err != nil {
			return err
		}
		if slices.ContainsFunc(s.GetSignals(), nameless) {
			return errNameless
		}
		b.control.push(func() { to.onSignals(s.GetSignals()) })
	case wire.TagPresence:
		var p overseerv1.Presence
		if err := proto.Unmarshal(body, &p); err != nil {
			return err
		}
		b.control.push(func() { to.onPresence(&p) })
	case wire.TagStatus:
		var r statusv1.StatusRequest
		if err := proto.Unmarshal(body, &r); err != nil {
			return err
		}
		b.control.push(func() { to.onStatus(&r) })
	}
	return nil
}

// envelope queues the one that was parsed.
func (b *inbox) envelope(in *wire.Memory, to receiver) {
	e := &b.parser.Envelope
	if e.Kind == wire.OneWay || e.Kind == wire.Request {
		b.lanes[e.Lane].push(arrived{*e, in.Hold()})
		b.waiting++
		return
	}
	b.end(*e, in, to)
}

// end queues what ends a request: an answer, or the asker's loss of interest.
func (b *inbox) end(e wire.Envelope, in *wire.Memory, to receiver) {
	if e.Kind == wire.Cancel {
		b.control.push(func() { to.onCancel(&e) })
		return
	}
	in.Hold()
	b.control.push(func() {
		to.onReply(&e)
		b.release(in)
	})
}
