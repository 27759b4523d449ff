package overseertest

import (
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Bus is a whole node in memory: the overseer's real core and the real loop of every subsystem, in one thread and in virtual
// time. What passes between them are the real frames. A test moves it with Settle and Advance, and breaks it with Kill, Cut and
// RestartOverseer.
type Bus struct {
	World *Runtime
	Core  *overseer.Core
	// Kept are the messages that were quarantined, oldest first.
	Kept []broker.Event
	// Killed are the watchdogs' verdicts; the member has been killed when it stands here.
	Killed []broker.Event

	t       testing.TB
	cfg     overseer.Config
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
	b := &Bus{World: NewRuntime(), t: t, cfg: cfg}
	if b.cfg.Log == nil {
		b.cfg.Log = slog.New(slog.DiscardHandler)
	}
	b.cfg.Epoch = max(1, cfg.Epoch)
	b.startOverseer()
	b.World.AfterFunc(broker.TickEvery, b.tick)
	b.World.AfterFunc(time.Second, b.beat)
	return b
}

// Shuffle lets everything that could happen next happen in an order of luck instead of a fixed one.
func (b *Bus) Shuffle(rng *rand.Rand) { b.rng = rng }

func (b *Bus) startOverseer() {
	b.t.Helper()
	core, err := overseer.New(b.cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Core = core
}

// RestartOverseer ends the overseer, with all that was on its way, and starts it again in a new epoch; every member attaches
// again.
func (b *Bus) RestartOverseer() {
	b.t.Helper()
	for _, m := range b.members {
		m.unplug()
	}
	b.cfg.Epoch++
	b.startOverseer()
	for _, m := range b.members {
		m.attachAgain()
	}
}

func (b *Bus) tick() {
	b.Core.Broker.Tick(b.World.Now())
	b.World.AfterFunc(broker.TickEvery, b.tick)
}

// beat sends the heartbeats of all that are not frozen.
func (b *Bus) beat() {
	for _, m := range b.members {
		if m.link != nil && !m.Frozen {
			b.Core.Broker.Heartbeat(b.World.Now(), m.link.instance, m.Handling, m.RSS)
		}
	}
	b.World.AfterFunc(time.Second, b.beat)
}

// Settle runs until nothing can happen without time passing.
func (b *Bus) Settle() {
	b.t.Helper()
	for b.Once() {
	}
}

// Once lets one thing happen: a batch is taken from the overseer, delivered, handled, or brought to the overseer. It tells
// whether there was anything.
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
	woken := b.Core.Broker.Woken()
	for _, i := range woken {
		for _, m := range b.members {
			if m.link != nil && m.link.instance == i {
				m.link.ready[broker.Primary], m.link.ready[broker.Bulk] = true, m.link.bulk
			}
		}
	}
	for _, e := range b.Core.Broker.Events() {
		if e.Kind == broker.Quarantined {
			b.Kept = append(b.Kept, e)
			continue
		}
		for _, m := range b.members {
			if m.link != nil && m.link.instance == e.Instance {
				b.Killed = append(b.Killed, e)
				m.Kill()
			}
		}
	}
}

// Advance lets time pass; everything settles at each timer.
func (b *Bus) Advance(d time.Duration) {
	b.t.Helper()
	b.Settle()
	until := b.World.Now().Add(d)
	for b.World.Next(until) {
		b.Settle()
	}
	b.Settle()
}

// Status is the overseer's picture of a subsystem.
func (b *Bus) Status(name string) broker.SubsystemStatus {
	for _, s := range b.Core.Broker.Status().Subsystems {
		if s.Name == name {
			return s
		}
	}
	return broker.SubsystemStatus{}
}

// Inject brings bytes to the overseer as if a member had sent them.
func (b *Bus) Inject(m *Member, batch []byte) error {
	err := b.Core.Frames(b.World.Now(), m.link.instance, batch, wire.Names{})
	b.events()
	return err
}
