package overseertest

import (
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest/memnode"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Bus is a whole node in memory: the overseer's real core and the real loop of every subsystem, in one thread and in
// virtual time. What passes between them are the real frames. A test moves it with Settle and Advance, and breaks it
// with Kill, Cut and RestartOverseer.
type Bus struct {
	*memnode.Node
	Runtime *Runtime
	// Kept are the messages that were quarantined, oldest first.
	Kept []broker.Event
	// Killed are the watchdogs' verdicts; the member has been killed when it stands here.
	Killed []broker.Event

	t       testing.TB
	members []*Member
	rng     *rand.Rand // nil: everything moves in a fixed order
}

// Node starts a node of the given subsystems, one instance each.
func Node(t testing.TB, specs ...subsystem.Spec) *Bus {
	t.Helper()
	b := NodeWith(t, overseer.Config{Specs: specs})
	for _, s := range specs {
		b.Attach(s, s.Name)
	}
	b.Settle()
	return b
}

// NodeWith starts the overseer of a node alone, with settings of the test's.
func NodeWith(t testing.TB, cfg overseer.Config) *Bus {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	b := &Bus{Runtime: NewRuntime(), t: t}
	b.Node = memnode.New(cfg, b.Runtime.Now)
	b.startOverseer()
	b.Runtime.AfterFunc(broker.TickEvery, b.tick)
	b.Runtime.AfterFunc(time.Second, b.beat)
	return b
}

// Shuffle lets everything that could happen next happen in an order drawn from rng instead of a fixed one.
func (b *Bus) Shuffle(rng *rand.Rand) { b.rng = rng }

func (b *Bus) startOverseer() {
	b.t.Helper()
	if err := b.Start(); err != nil {
		b.t.Fatal(err)
	}
}

// RestartOverseer ends the overseer, with all that was on its way, and starts it again in a new epoch; every member
// attaches again.
func (b *Bus) RestartOverseer() {
	b.t.Helper()
	for _, m := range b.members {
		m.unplug()
	}
	b.startOverseer()
	for _, m := range b.members {
		m.attachAgain()
	}
}

func (b *Bus) tick() {
	b.Core.Tick(b.Runtime.Now())
	b.Runtime.AfterFunc(broker.TickEvery, b.tick)
}

// beat sends the heartbeats of all that are not frozen.
func (b *Bus) beat() {
	for _, m := range b.members {
		if m.process != nil && !m.Frozen {
			m.process.Heartbeat(m.Handling, m.RSS)
		}
	}
	b.Runtime.AfterFunc(time.Second, b.beat)
}

// Settle runs until nothing can happen without time passing.
func (b *Bus) Settle() {
	b.t.Helper()
	for b.Once() {
	}
}

// Once lets one thing happen: a batch is taken from the overseer, delivered, handled, or brought to the overseer. It
// tells whether there was anything.
func (b *Bus) Once() bool {
	b.t.Helper()
	b.events()
	var possible []func()
	for _, m := range b.members {
		possible = append(possible, m.moves()...)
		if len(possible) > 0 && b.rng == nil {
			break
		}
	}
	if len(possible) == 0 {
		return false
	}
	n := 0
	if b.rng != nil {
		n = b.rng.IntN(len(possible))
	}
	possible[n]()
	return true
}

// events marks who has something to take and acts on what the broker says, as its host does.
func (b *Bus) events() {
	b.Serve()
	b.Events(func(e broker.Event, l *memnode.Link) {
		switch {
		case e.Kind == broker.Quarantined:
			b.Kept = append(b.Kept, e)
		case e.Kind == broker.Cut:
			if l != nil {
				l.Process.Driver.(*Member).cutOff(l)
			}
		case l != nil && l.Process.Link == l:
			b.Killed = append(b.Killed, e)
			l.Process.Driver.(*Member).Kill()
		}
	})
}

// Advance lets time pass; everything settles at each timer.
func (b *Bus) Advance(d time.Duration) {
	b.t.Helper()
	b.Settle()
	until := b.Runtime.Now().Add(d)
	for b.Runtime.Next(until) {
		b.Settle()
	}
	b.Settle()
}

// Status is the overseer's picture of a subsystem.
func (b *Bus) Status(name string) broker.SubsystemStatus { return b.StatusFor("", name) }

// StatusFor is its picture of the instances that serve a chain.
func (b *Bus) StatusFor(chain, name string) broker.SubsystemStatus {
	for _, s := range b.Core.Broker.Status().Subsystems {
		if s.Name == name && s.Chain == chain {
			return s
		}
	}
	return broker.SubsystemStatus{}
}

// Inject brings bytes to the overseer as if a member had sent them.
func (b *Bus) Inject(m *Member, batch []byte) error {
	err := m.process.Link.Inject(batch)
	b.events()
	return err
}
