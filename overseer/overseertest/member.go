package overseertest

import (
	"log/slog"
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/overseer/overseertest/memnode"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/overseer/subsystem/driver"
)

// Member is one instance of a subsystem on a Bus.
type Member struct {
	// Refused is why the overseer didn't take it; nil when it did.
	Refused error
	// Frozen stops it, as SIGSTOP does: nothing is handled and no heartbeat sent.
	Frozen bool
	// Busy lets it receive but handle nothing, as a long piece of work does.
	Busy bool
	// Deaf lets it write but not read, as a full socket does.
	Deaf bool
	// Handling and RSS are what its heartbeats say.
	Handling time.Duration
	RSS      uint64
	// Stutter is how likely a batch that it sends arrives a second time, later. It is for instances that only answer:
	// questions have ids that may not be used twice.
	Stutter float64
	// HoldPrimary keeps what the overseer says on the first stream from arriving, so that the bulk stream is faster.
	HoldPrimary bool

	bus     *Bus
	spec    subsystem.Spec
	chain   string
	name    string
	process *memnode.Process // nil while it doesn't run
	sub     *subsystem.Sub
	woken   bool
	ready   [2]bool     // by stream: the overseer has something for it
	down    [2][][]byte // by stream: on its way to it
}

// Wake is memnode.Driver.
func (m *Member) Wake() { m.woken = true }

// Written is memnode.Driver.
func (m *Member) Written(*memnode.Link, int) {}

// Ready is memnode.Driver.
func (m *Member) Ready(l *memnode.Link) {
	if m.link() == l {
		m.ready = [2]bool{true, l.Bulk}
	}
}

// link is its attachment, nil when there is none.
func (m *Member) link() *memnode.Link {
	if m.process == nil {
		return nil
	}
	return m.process.Link
}

// Attach starts one instance of a subsystem.
func (b *Bus) Attach(spec subsystem.Spec, name string) *Member {
	b.t.Helper()
	return b.AttachFor("", spec, name)
}

// AttachFor starts the instance of a subsystem per chain that serves a chain.
func (b *Bus) AttachFor(chain string, spec subsystem.Spec, name string) *Member {
	b.t.Helper()
	m := &Member{bus: b, spec: spec, chain: chain, name: name}
	b.members = append(b.members, m)
	m.Start()
	return m
}

// Member returns the n'th member that was attached.
func (b *Bus) Member(n int) *Member { return b.members[n] }

// Start starts the process of an instance that doesn't run.
func (m *Member) Start() {
	m.bus.t.Helper()
	spec := m.spec
	spec.New = func(sub *subsystem.Sub) (subsystem.Handler, error) {
		m.sub = sub
		return m.spec.New(sub)
	}
	m.Frozen, m.Busy, m.Deaf, m.HoldPrimary, m.Handling, m.RSS = false, false, false, false, 0, 0
	m.process = m.bus.Process(spec, m.chain, m.name, m.bus.Runtime, slog.New(slog.DiscardHandler), m)
	m.attachAgain()
}

// attachAgain attaches the running process.
func (m *Member) attachAgain() {
	if m.process == nil {
		return
	}
	m.ready, m.down = [2]bool{}, [2][][]byte{}
	if m.Refused = m.process.Attach(); m.Refused != nil {
		m.process, m.sub = nil, nil
		return
	}
	m.link().OpenBulk()
}

// Kill ends the process, as kill -9 does: what it had said and what was on its way to it is lost.
func (m *Member) Kill() { m.end(false, "it was killed") }

func (m *Member) end(clean bool, cause string) {
	if l := m.link(); l != nil {
		l.Detach(clean, cause)
	}
	m.process, m.sub = nil, nil
}

// Cut breaks the connection alone; the process attaches again.
func (m *Member) Cut() {
	m.Unplug()
	m.attachAgain()
}

// cutOff is the overseer ending a link; the process attaches again if it was still its own.
func (m *Member) cutOff(l *memnode.Link) {
	own := m.link() == l
	if own {
		m.process.Lose()
	}
	if l.Detach(false, "it was cut off"); own {
		m.attachAgain()
	}
}

// Reconnect breaks the connection so that the overseer learns of it only when the process attaches again.
func (m *Member) Reconnect() {
	m.unplug()
	m.attachAgain()
}

// Unplug breaks the connection; the process stays unattached until Replug.
func (m *Member) Unplug() { m.unplug().Detach(false, "the stream ended") }

// Replug attaches it again.
func (m *Member) Replug() { m.attachAgain() }

// unplug loses the link without telling the overseer.
func (m *Member) unplug() *memnode.Link {
	l := m.link()
	if l != nil {
		m.process.Lose()
	}
	return l
}

// Running tells whether the process lives.
func (m *Member) Running() bool { return m.process != nil }

// Live tells whether its handler has been made: it is no standby and no longer starting.
func (m *Member) Live() bool { return m.sub != nil }

// Machine is what moves the subsystem; nil when the process doesn't run.
func (m *Member) Machine() *driver.Machine {
	if m.process == nil {
		return nil
	}
	return m.process.Machine
}

// Instance is the overseer's view of it; nil when it isn't attached.
func (m *Member) Instance() *broker.Instance {
	if m.link() == nil {
		return nil
	}
	return m.link().Instance
}

// Do runs f on the subsystem's loop, as an outside event, and lets everything settle.
func (m *Member) Do(f func(sub *subsystem.Sub)) {
	m.bus.t.Helper()
	m.Post(f)
	m.bus.Settle()
}

// Post is Do without settling.
func (m *Member) Post(f func(sub *subsystem.Sub)) {
	m.bus.t.Helper()
	if m.sub == nil {
		m.bus.t.Fatalf("%s is not live", m.name)
	}
	m.sub.Post(func() { f(m.sub) })
}

// moves lists what could happen next at this member.
func (m *Member) moves() (possible []func()) {
	if m.process == nil {
		return nil
	}
	if m.woken && !m.Frozen && !m.Busy {
		possible = append(possible, m.step)
	}
	l := m.link()
	if l == nil {
		return possible
	}
	for stream := broker.Bulk; stream >= broker.Primary; stream-- {
		if len(m.down[stream]) > 0 && !m.Frozen && !m.Deaf && !(stream == broker.Primary && m.HoldPrimary) {
			possible = append(possible, func() { m.receive(stream) })
		}
		if m.ready[stream] && !m.Deaf {
			possible = append(possible, func() { m.fetch(stream) })
		}
		if l.Written(stream) > 0 {
			possible = append(possible, func() { m.deliver(stream) })
		}
	}
	return possible
}

// crash is what Crash panics with.
type crash struct{ m *Member }

// Crash ends the process in the middle of what its handler is doing. It doesn't return.
func (m *Member) Crash() { panic(crash{m}) }

func (m *Member) step() {
	m.woken = false
	defer func() {
		if r := recover(); r == (crash{m}) {
			m.Kill()
		} else if r != nil {
			panic(r)
		}
	}()
	m.process.Machine.Step()
	if ended, _ := m.process.Machine.Ended(); ended {
		for m.link() != nil && m.link().Written(broker.Primary) > 0 {
			m.deliver(broker.Primary)
		}
		m.end(true, "it finished")
	}
}

// batch is how much is taken at once: little, so that there is much to interleave.
const batch = 4 << 10

func (m *Member) fetch(stream int) {
	if b := m.link().Fetch(stream, batch); b != nil {
		m.down[stream] = append(m.down[stream], b)
		return
	}
	m.ready[stream] = false
}

func (m *Member) receive(stream int) {
	b := m.down[stream][0]
	m.down[stream] = m.down[stream][1:]
	if err := m.process.Machine.Receive(b); err != nil {
		m.bus.t.Errorf("%s can't read what the overseer sent: %v", m.name, err)
	}
}

func (m *Member) deliver(stream int) {
	l := m.link()
	if m.Stutter > 0 && m.bus.rng.Float64() < m.Stutter {
		l.Repeat(stream)
	}
	if err := l.Deliver(stream); err != nil {
		m.bus.t.Errorf("the overseer can't read what %s sent: %v", m.name, err)
	}
}
