package driver

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/reevenet/reeve/internal/bus/registry"
	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// Machine speaks the bus's protocol for one instance of a program. Everything that happens to it (frames, timers, ends
// of offloaded work, posts, the link coming and going) goes through its inbox; one goroutine at a time takes from there
// and runs the program, so that nothing but the inbox needs a lock.
type Machine struct {
	program  Program
	declared Declaration
	cfg      Config
	log      *slog.Logger
	out      *Out

	inbox    inbox
	timers   timers
	causes   causes
	timeline timeline
	headers  headers
	catalog  catalog
	writer   writer
	edges    edges
	sender   sender
	asks     asks
	served   served
	blobs    Blobs
	stats    *stats
	count    counters
	steps    steps

	epoch     uint64
	standby   bool
	started   bool // the program is
	offloaded int

	wake  chan struct{}
	live  atomic.Bool // started, for other goroutines
	ended chan struct{}
	end   sync.Once
	err   error // once ended is closed
}

// New makes a machine that runs a program. It isn't attached.
func New(p Program, cfg Config) *Machine {
	m := &Machine{
		program: p, declared: p.Declaration(), cfg: cfg, stats: newStats(), wake: make(chan struct{}, 1),
		ended: make(chan struct{}),
	}
	m.log = cfg.Log.With("subsystem", m.declared.Name)
	if cfg.Chain != "" {
		m.log = m.log.With("chain", cfg.Chain)
	}
	m.out = &Out{m: m}
	if m.blobs = cfg.Blobs; m.blobs == nil {
		m.blobs = noBlobs{}
	}
	trace := newTracer(cfg.Tracer, m.declared.Name, cfg.Sampling)
	m.timers = timers{runtime: cfg.Runtime, post: m.post, causes: &m.causes}
	m.headers = headers{
		name: m.declared.Name, origin: cfg.Runtime.Rand().Uint64() | 1, timeline: &m.timeline, causes: &m.causes,
		trace: trace,
	}
	m.catalog = catalog{
		dir: registry.Node(), declared: m.declared, chain: cfg.Chain, maxMessage: 256 << 10, stats: m.stats,
		uses: map[protoreflect.MessageType]*use{}, own: map[protowire.Number]*received{},
	}
	m.writer.progress = progress{timers: &m.timers, pool: m.declared.Class == overseerv1.Declaration_CLASS_POOL}
	m.edges = edges{w: &m.writer, runtime: cfg.Runtime, byKey: map[edgeKey]*edge{}, count: &m.count}
	m.sender = sender{catalog: &m.catalog, headers: &m.headers, edges: &m.edges, stats: m.stats, count: &m.count,
		log: m.log}
	m.asks = asks{
		catalog: &m.catalog, headers: &m.headers, edges: &m.edges, timers: &m.timers, causes: &m.causes,
		timeline: &m.timeline, stats: m.stats, count: &m.count, open: map[wire.ID]*ask{},
	}
	m.served = served{
		program: p, catalog: &m.catalog, w: &m.writer, runtime: cfg.Runtime, causes: &m.causes, timeline: &m.timeline,
		trace: trace,
		count: &m.count, open: map[wire.ID]*Request{},
	}
	return m
}

// Run runs what waits, whenever there is something, until stop is closed.
func (m *Machine) Run(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-m.wake:
			m.step(-1)
		}
	}
}

// Step runs everything that waits, and writes what was sent meanwhile.
func (m *Machine) Step() { m.step(-1) }

// StepOne runs one event, and writes what was sent meanwhile. It tells whether more waits: between two events is where
// a process may be made to die.
func (m *Machine) StepOne() (more bool) { return m.step(1) }

// step runs up to n events (all, when n is negative) unless another goroutine is running them, and writes what was
// sent. A goroutine that has just read a few frames calls it directly: that saves a switch for each message.
func (m *Machine) step(n int) (more bool) {
	if !m.inbox.claim() {
		return false
	}
	now := m.cfg.Runtime.Now() // once per event: on a busy machine reading the clock is what costs
	for {
		var event func()
		kind := nothing
		if n != 0 {
			event, kind = m.inbox.next(m.timeline.sequence, now)
		}
		switch kind {
		case closed:
			return false
		case control:
			event()
		case message:
			m.onMessage(&m.inbox.inHand.Envelope, now)
		case nothing:
			m.writer.flush()
			rests, more := m.inbox.rest(n != 0)
			if rests {
				return more
			}
			now = m.cfg.Runtime.Now()
			continue
		}
		m.causes.clear()
		if m.served.handledAt.After(now) {
			now = m.served.handledAt
		} else {
			now = m.cfg.Runtime.Now()
		}
		n--
	}
}

func (m *Machine) onMessage(e *wire.Envelope, now time.Time) {
	m.served.handle(e, now)
	if m.writer.progress.due(m.served.handledAt) {
		m.writer.flush()
	}
}

func (m *Machine) onReply(e *wire.Envelope) {
	if !m.asks.answer(e) && !(e.Kind == wire.Fail && m.sender.refused(e.ID, e.Failure)) {
		m.count.late++
	}
}

func (m *Machine) onCancel(e *wire.Envelope) { m.served.cancel(e.ID) }

func (m *Machine) onCredit(credits []wire.EdgeCredit) {
	for i := range credits {
		m.edges.credited(&credits[i])
	}
}

func (m *Machine) onSignals(signals []*overseerv1.Signal) {
	for _, sig := range signals {
		m.timeline.apply(sig)
		if !m.started {
			continue
		}
		m.program.Signal(sig)
		if sig.GetConclude() != nil {
			m.conclude("concluded")
			return
		}
	}
	m.writer.progress.signals(m.timeline.sequence)
	m.asks.settle()
}

// catchUp tells the program what leads from what it knows to a snapshot.
func (m *Machine) catchUp(s *overseerv1.Snapshot) {
	m.onSignals(m.timeline.until(s))
	m.timeline.sequence = s.GetSequence()
	m.writer.progress.done.SignalSeq = m.timeline.sequence
}

func (m *Machine) onPresence(p *overseerv1.Presence) {
	switch {
	case p.Subsystem == m.declared.Name && m.standby && p.Generation == m.headers.generation:
		m.log.Info("taking over from the instance that went away")
		m.activate()
	case p.Subsystem != m.declared.Name && m.started:
		m.program.Presence(p)
	}
}

func (m *Machine) onStatus(r *statusv1.StatusRequest) {
	if m.writer.link == nil {
		return
	}
	answer := m.program.Status(r.GetId(), m.standby, m.cfg.Runtime.Now())
	answer.Steps = m.steps.of(r.GetAbout())
	b, err := proto.Marshal(answer)
	if err != nil {
		m.log.Error("the status can't be encoded", "err", err)
		return
	}
	m.writer.out[0].Frame(wire.TagStatusAnswer, b)
}

// activate starts the program: the instance is the live one now.
func (m *Machine) activate() {
	if err := m.program.Start(m.out); err != nil {
		m.stop(err)
		return
	}
	m.started, m.standby = true, false
	m.live.Store(true)
	known := m.timeline.snapshot()
	m.timeline = timeline{}
	m.catchUp(known)
}

// concludeRounds bounds how often a program that is being stopped may answer a failure with another ask.
const concludeRounds = 16

// conclude ends this instance cleanly.
func (m *Machine) conclude(reason string) {
	for n := 0; n < concludeRounds && len(m.asks.open) > 0; n++ { // an end may ask again
		m.asks.endAll(failf(cancelled, "%s is stopping", m.declared.Name), func(*ask) bool { return false })
	}
	if m.started {
		m.program.Close()
	}
	if m.writer.link != nil {
		b, err := proto.Marshal(&overseerv1.Goodbye{Reason: reason})
		if err == nil {
			m.writer.progress.now = true
			m.writer.flush()
			m.writer.out[0].Frame(wire.TagGoodbye, b)
		}
	}
	m.stop(nil)
}

// stop ends the machine, once what was sent has been written.
func (m *Machine) stop(err error) {
	m.writer.flush()
	m.inbox.close()
	m.end.Do(func() {
		m.err = err
		close(m.ended)
	})
}

// post queues f and sees that somebody runs it.
func (m *Machine) post(f func()) {
	if m.inbox.post(f) {
		m.kick()
	}
}

func (m *Machine) kick() {
	if m.cfg.Wake != nil {
		m.cfg.Wake()
		return
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Metrics are those that every subsystem has, labelled by variant.
func (m *Machine) Metrics() prometheus.Collector { return m.stats.registry }

// Done is closed when the machine has ended: it was concluded, or failed.
func (m *Machine) Done() <-chan struct{} { return m.ended }

// Ended tells whether it has ended, and with what.
func (m *Machine) Ended() (bool, error) {
	select {
	case <-m.ended:
		return true, m.err
	default:
		return false, nil
	}
}

// Conclude asks it to end as if the process had been told to stop.
func (m *Machine) Conclude() { m.post(func() { m.conclude("told to stop") }) }

// Live tells whether the program has been started. Any goroutine may ask.
func (m *Machine) Live() bool { return m.live.Load() }
