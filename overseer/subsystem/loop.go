package subsystem

import (
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
)

// loop is a subsystem's one ordered input. Everything that happens to it (frames, timers, ends of offloaded work, posts, the
// stream coming and going) is queued; one goroutine at a time takes from the queue and runs the handler, so all fields below
// `inbox` need no lock. The simulator runs it with step.
type loop struct {
	spec    Spec
	runtime Runtime
	dir     *registry.Directory
	log     *slog.Logger
	sub     *Sub
	subs    map[string]*Sub // of each chain that it has named
	trace   tracer

	inbox inbox

	live     atomic.Bool // there is a handler; read by the link
	handler  Handler
	link     Link // nil while detached
	window   Window
	maxBytes int
	gen      uint64
	epoch    uint64
	origin   uint64 // first half of the ids of this process
	counter  uint64
	seen     view                 // the timeline so far
	early    queue[wire.Envelope] // answers that came, on the other stream, before a signal that their sender had seen
	standby  bool
	current  cause

	edges     map[edgeKey]*edge
	edgeOrder []*edge // in the order of first use: nothing is sent in a map's order
	asks      map[wire.ID]*openAsk
	serving   map[wire.ID]*Message
	recent    recent
	uses      map[protoreflect.MessageType]*use
	lastUse   *use
	inHand    arrived       // the message that is handled
	scratch   wire.Envelope // the one that is sent
	rooms     wire.Spare    // for the edges
	spare     []Message     // for the next messages
	own       map[protowire.Number]*received
	lastOwn   *received
	timers    timers
	armed     time.Time
	disarm    func()
	offloaded int

	out       [2]wire.Batch // by stream: primary, bulk
	progress  progress
	handledAt time.Time // when the last message was handled
	count     counters
	stats     *stats
	history   history     // of what its status said
	ended     func(error) // ends the process' run; called once
	onWake    func()      // of a Machine's owner
}

// Link carries batches to the overseer. Write takes the batch's bytes; when it
// doesn't keep them it leaves the batch empty, with its buffer. It may block while the connection has no room; an
// error means that the link is down, which it will also say through the loop.
type Link interface {
	Write(b *wire.Batch, bulk bool) error
}

// Window is the credit that an edge begins with.
type Window struct{ Messages, Bytes int }

func newLoop(spec Spec, chain string, runtime Runtime, log *slog.Logger, origin uint64) *loop {
	log = log.With("subsystem", spec.Name)
	if chain != "" {
		log = log.With("chain", chain)
	}
	l := &loop{
		spec: spec, runtime: runtime, dir: registry.Node(), log: log, origin: origin, maxBytes: 256 << 10,
		edges: map[edgeKey]*edge{}, asks: map[wire.ID]*openAsk{}, serving: map[wire.ID]*Message{}, stats: newStats(), subs: map[string]*Sub{},
		uses: map[protoreflect.MessageType]*use{}, own: map[protowire.Number]*received{},
	}
	l.inbox.wake = make(chan struct{}, 1)
	l.sub = &Sub{Log: l.log, loop: l, chain: chain}
	return l
}

// on is the way out for what is about a chain.
func (l *loop) on(chain string) *Sub {
	s := l.subs[chain]
	if s == nil {
		s = &Sub{Log: l.sub.Log.With("chain", chain), loop: l, chain: chain}
		l.subs[chain] = s
	}
	return s
}

// inbox is what waits for the loop. Control (signals, replies, timers, posts) comes first; then the lanes.
type inbox struct {
	mu      sync.Mutex
	control queue[func()]
	lanes   [wire.LaneCount]queue[arrived]
	spare   wire.Spare // for the readers
	parser  wire.Parser
	waiting int
	arrived uint64 // counts what was ever queued
	turn    int
	running bool
	closed  bool
	wake    chan struct{}
	handled time.Time // when the event in hand began; zero between events
}

// arrived is a message and the memory in which it came.
type arrived struct {
	wire.Envelope
	in *wire.Memory
}

// post queues f and sees that somebody runs it.
func (l *loop) post(f func()) {
	l.inbox.mu.Lock()
	if l.inbox.closed {
		l.inbox.mu.Unlock()
		return
	}
	l.inbox.arrived++
	l.inbox.control.push(f)
	l.inbox.mu.Unlock()
	l.kick()
}

// kick wakes the runner.
func (l *loop) kick() {
	if l.onWake != nil {
		l.onWake()
		return
	}
	select {
	case l.inbox.wake <- struct{}{}:
	default:
	}
}

// run is the goroutine of a production loop: it sleeps until there is something to do.
func (l *loop) run(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-l.inbox.wake:
			l.step(-1)
		}
	}
}

// step runs up to n events (all, when n is negative) unless another goroutine is running them, and flushes what was sent. A
// goroutine that has just read a few frames calls it directly: that saves a switch for each message.
func (l *loop) step(n int) (more bool) {
	b := &l.inbox
	b.mu.Lock()
	if b.running || b.closed {
		b.mu.Unlock()
		return false
	}
	b.running = true
	now := l.runtime.Now() // once per event: on a busy loop reading the clock is what costs
	for !b.closed {
		var event func()
		kind := nothing
		if n != 0 {
			event, kind = l.next()
		}
		arrived := b.arrived
		if kind != nothing {
			b.handled = now
		}
		b.mu.Unlock()
		switch kind {
		case nothing:
			l.flush()
		case control:
			event()
		case message:
			l.onEnvelope(&l.inHand.Envelope)
		}
		l.current = cause{}
		b.mu.Lock()
		if kind == message {
			l.inHand.in.Release() // messages are decoded by copying
		}
		if kind == nothing {
			if n != 0 && arrived != b.arrived {
				now = l.runtime.Now()
				continue // more came while we wrote
			}
			more = b.control.len() > 0 || b.waiting > 0
			break
		}
		b.handled = time.Time{}
		if l.handledAt.After(now) {
			now = l.handledAt
		} else {
			now = l.runtime.Now()
		}
		n--
	}
	b.running = false
	b.mu.Unlock()
	return more
}

// What is next on a loop.
const (
	nothing = iota
	control // an event
	message // in l.inHand
)

// floorEvery is how many messages of the first lanes may pass before a lower lane gets a turn: the floor is one in sixteen.
const floorEvery = 16

// next takes the next event or message. The lock is held.
func (l *loop) next() (event func(), kind int) {
	b := &l.inbox
	if b.control.len() > 0 {
		return b.control.pop(), control
	}
	if b.waiting == 0 {
		return nil, nothing
	}
	b.turn++
	q := (*queue[arrived])(nil)
	if b.turn%floorEvery == 0 {
		q = b.lowest(l.seen.sequence)
	}
	for lane := 0; q == nil && lane < len(b.lanes); lane++ {
		if c := &b.lanes[lane]; c.len() > 0 && c.first().SignalSeq <= l.seen.sequence {
			q = c
		}
	}
	if q == nil {
		return nil, nothing
	}
	b.waiting--
	l.inHand = *q.first()
	q.drop()
	return nil, message
}

// lowest finds the lane that is served from below, in turn, so that none starves. No lane passes a signal that its sender had seen.
func (b *inbox) lowest(seen uint64) *queue[arrived] {
	for i := range b.lanes {
		lane := (b.turn/floorEvery + i) % len(b.lanes)
		if q := &b.lanes[lane]; lane > int(wire.LaneConsensus) && q.len() > 0 && q.first().SignalSeq <= seen {
			return q
		}
	}
	return nil
}

// flush writes what was sent meanwhile, and how far we are.
func (l *loop) flush() {
	if l.link == nil {
		return
	}
	l.sayProgress()
	for i := range l.out {
		if l.out[i].Len() == 0 {
			continue
		}
		err := l.link.Write(&l.out[i], i == 1)
		if l.out[i].Len() > 0 {
			l.out[i].Reset()
		}
		if err != nil {
			return // the link's reader finds the same and says so through the inbox
		}
	}
}

// flushAt is how many bytes are gathered before they are written although there is more to do.
const flushAt = 48 << 10

func (l *loop) emit(tag wire.Tag, e *wire.Envelope) {
	b := l.outOn(e.Lane)
	b.Envelope(tag, e)
	if b.Len() >= flushAt {
		l.flush()
	}
}

// emitAround emits an envelope whose payload of size bytes is encoded in its place.
func (l *loop) emitAround(e *wire.Envelope, size int, payload func([]byte) ([]byte, error)) error {
	b := l.outOn(e.Lane)
	err := b.EnvelopeAround(wire.TagFromEnvelope, e, size, payload)
	if b.Len() >= flushAt {
		l.flush()
	}
	return err
}

// outOn is what goes by the stream of a lane.
func (l *loop) outOn(lane wire.Lane) *wire.Batch {
	if lane == wire.LaneBulk {
		return &l.out[1]
	}
	return &l.out[0]
}

// arm sets the runtime's timer to the next of ours.
func (l *loop) arm() {
	at, ok := l.timers.next()
	if !ok || l.disarm != nil && !at.Before(l.armed) {
		return // a timer that fires too early finds nothing due: cheaper than moving it with every ask
	}
	if l.disarm != nil {
		l.disarm()
	}
	l.armed = at
	l.disarm = l.runtime.AfterFunc(max(0, at.Sub(l.runtime.Now())), func() { l.post(l.onTimer) })
}

func (l *loop) onTimer() {
	now := l.runtime.Now()
	l.disarm = nil
	for t := l.timers.due(now); t != nil; t = l.timers.due(now) {
		t.f()
		l.current = cause{}
	}
	l.arm()
}

// fail ends the run with an error, once what was sent has been flushed.
func (l *loop) fail(err error) {
	l.flush()
	l.close(err)
}

func (l *loop) close(err error) {
	l.inbox.mu.Lock()
	if l.inbox.closed {
		l.inbox.mu.Unlock()
		return
	}
	l.inbox.closed = true
	l.inbox.mu.Unlock()
	if l.ended != nil {
		l.ended(err)
	}
}

func (l *loop) nextID() wire.ID {
	l.counter++
	return wire.NewID(l.origin, l.counter)
}

func (l *loop) maxMessage() int { return l.maxBytes }

// originOf makes the first half of a process' ids from luck.
func originOf(r *rand.Rand) uint64 { return r.Uint64() | 1 }
