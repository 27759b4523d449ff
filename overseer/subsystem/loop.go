package subsystem

import (
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reevenet/reeve/internal/buswire"
	"github.com/reevenet/reeve/internal/directory"
)

// loop is a subsystem's one ordered input. Everything that happens to it (frames, timers, ends of offloaded work, posts, the
// stream coming and going) is queued; one goroutine at a time takes from the queue and runs the handler, so all fields below
// `inbox` need no lock. The simulator runs it with step.
type loop struct {
	spec  Spec
	world World
	dir   *directory.Directory
	log   *slog.Logger
	sub   *Sub
	trace tracer

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
	seen     view                     // the timeline so far
	early    queue[*buswire.Envelope] // answers that came, on the other stream, before a signal that their sender had seen
	standby  bool
	current  cause

	edges     map[edgeKey]*edge
	edgeOrder []*edge // in the order of first use: nothing is sent in a map's order
	asks      map[buswire.ID]*openAsk
	serving   map[buswire.ID]*Message
	recent    recent
	mayUse    map[*directory.Variant]bool // see declared
	timers    timers
	armed     time.Time
	disarm    func()
	offloaded int

	out       [2]buswire.Batch // by stream: primary, bulk
	processed buswire.Processed
	unsaid    bool      // processed has moved since it was last sent
	said      time.Time // when it was
	handledAt time.Time // when the last message was handled
	count     counters
	stats     *stats
	ended     func(error) // ends the process' run; called once
	onWake    func()      // of a Machine's owner
}

// Link carries batches to the overseer. Write takes the batch's bytes; when it
// doesn't keep them it leaves the batch empty, with its buffer. It may block while the connection has no room; an
// error means that the link is down, which it will also say through the loop.
type Link interface {
	Write(b *buswire.Batch, bulk bool) error
}

// Window is the credit that an edge begins with.
type Window struct{ Messages, Bytes int }

func newLoop(spec Spec, world World, log *slog.Logger, origin uint64) *loop {
	l := &loop{
		spec: spec, world: world, dir: directory.Node(), log: log.With("subsystem", spec.Name), origin: origin, maxBytes: 256 << 10,
		edges: map[edgeKey]*edge{}, asks: map[buswire.ID]*openAsk{}, serving: map[buswire.ID]*Message{}, mayUse: map[*directory.Variant]bool{}, stats: newStats(),
	}
	l.inbox.wake = make(chan struct{}, 1)
	l.sub = &Sub{Log: l.log, loop: l}
	return l
}

// inbox is what waits for the loop. Control (signals, replies, timers, posts) comes first; then the lanes.
type inbox struct {
	mu      sync.Mutex
	control queue[func()]
	lanes   [buswire.LaneCount]queue[*buswire.Envelope]
	waiting int
	arrived uint64 // counts what was ever queued
	turn    int
	running bool
	closed  bool
	wake    chan struct{}
	handled time.Time // when the event in hand began; zero between events
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
	l.inbox.mu.Lock()
	defer l.inbox.mu.Unlock()
	if l.inbox.running || l.inbox.closed {
		return false
	}
	l.inbox.running = true
	now := l.world.Now() // once per event: on a busy loop reading the clock is what costs
	for !l.inbox.closed {
		var event func()
		if n != 0 {
			event = l.next()
		}
		if event == nil {
			arrived := l.inbox.arrived
			l.unlocked(l.flush)
			if n != 0 && arrived != l.inbox.arrived {
				now = l.world.Now()
				continue // more came while we wrote
			}
			more = l.inbox.control.len() > 0 || l.inbox.waiting > 0
			break
		}
		l.inbox.handled = now
		l.unlocked(event)
		l.inbox.handled = time.Time{}
		if l.handledAt.After(now) {
			now = l.handledAt
		} else {
			now = l.world.Now()
		}
		n--
	}
	l.inbox.running = false
	return more
}

// unlocked runs f without the inbox's lock, which is held before and after.
func (l *loop) unlocked(f func()) {
	l.inbox.mu.Unlock()
	defer l.inbox.mu.Lock()
	f()
	l.current = cause{}
}

// floorEvery is how many messages of the first lanes may pass before a lower lane gets a turn: the floor is one in sixteen.
const floorEvery = 16

// next takes the next event; nil when there is none. The lock is held.
func (l *loop) next() func() {
	if l.inbox.control.len() > 0 {
		return l.inbox.control.pop()
	}
	if l.inbox.waiting == 0 {
		return nil
	}
	l.inbox.turn++
	if l.inbox.turn%floorEvery == 0 {
		if e := l.inbox.lowest(l.seen.sequence); e != nil {
			return func() { l.onEnvelope(e) }
		}
	}
	for lane := range l.inbox.lanes {
		if q := &l.inbox.lanes[lane]; q.len() > 0 && q.peek().SignalSeq <= l.seen.sequence {
			e := q.pop()
			l.inbox.waiting--
			return func() { l.onEnvelope(e) }
		}
	}
	return nil
}

// lowest serves the lanes from below, in turn, so that none starves. No lane passes a signal that its sender had seen.
func (b *inbox) lowest(seen uint64) *buswire.Envelope {
	for i := range b.lanes {
		lane := (b.turn/floorEvery + i) % len(b.lanes)
		if q := &b.lanes[lane]; lane > int(buswire.LaneConsensus) && q.len() > 0 && q.peek().SignalSeq <= seen {
			b.waiting--
			return q.pop()
		}
	}
	return nil
}

// flush writes what was sent meanwhile, and how far we are.
func (l *loop) flush() {
	if l.link == nil {
		return
	}
	if l.unsaid {
		l.unsaid, l.said = false, l.world.Now()
		l.out[0].Frame(buswire.TagProcessed, l.processed.Append(nil))
	}
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

func (l *loop) emit(tag buswire.Tag, e *buswire.Envelope) {
	stream := 0
	if e.Lane == buswire.LaneBulk {
		stream = 1
	}
	l.out[stream].Envelope(tag, e)
	if l.out[stream].Len() >= flushAt {
		l.flush()
	}
}

// arm sets the world's timer to the next of ours.
func (l *loop) arm() {
	at, ok := l.timers.next()
	if !ok || l.disarm != nil && !at.Before(l.armed) {
		return // a timer that fires too early finds nothing due: cheaper than moving it with every ask
	}
	if l.disarm != nil {
		l.disarm()
	}
	l.armed = at
	l.disarm = l.world.AfterFunc(max(0, at.Sub(l.world.Now())), func() { l.post(l.onTimer) })
}

func (l *loop) onTimer() {
	now := l.world.Now()
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

func (l *loop) nextID() buswire.ID {
	l.counter++
	return buswire.NewID(l.origin, l.counter)
}

func (l *loop) maxMessage() int { return l.maxBytes }

// originOf makes the first half of a process' ids from luck.
func originOf(r *rand.Rand) uint64 { return r.Uint64() | 1 }
