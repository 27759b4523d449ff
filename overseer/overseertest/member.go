package overseertest

import (
	"errors"
	"log/slog"
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
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
	// Stutter is how likely a batch that it sends arrives a second time, later. It is for instances that only answer: questions
	// have ids that may not be used twice.
	Stutter float64
	// HoldPrimary keeps what the overseer says on the first stream from arriving, so that the bulk stream is faster.
	HoldPrimary bool

	bus     *Bus
	spec    subsystem.Spec
	name    string
	machine *subsystem.Machine
	sub     *subsystem.Sub
	woken   bool
	link    *attachment

	generation uint64 // of the last attachment, which the process knows before its loop does
}

// attachment is one attachment: two streams in each direction.
type attachment struct {
	m        *Member
	instance *broker.Instance
	bulk     bool
	ready    [2]bool
	down, up [2][][]byte
}

// Write takes what the subsystem sends.
func (w *attachment) Write(b *wire.Batch, bulk bool) error {
	if w.m.link != w {
		return errors.New("the connection is lost")
	}
	stream := broker.Primary
	if bulk && w.bulk {
		stream = broker.Bulk
	}
	w.up[stream] = append(w.up[stream], b.Bytes)
	return nil
}

// Attach starts one instance of a subsystem.
func (b *Bus) Attach(spec subsystem.Spec, name string) *Member {
	b.t.Helper()
	m := &Member{bus: b, spec: spec, name: name}
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
	m.machine = subsystem.NewMachine(spec, m.bus.World, slog.New(slog.DiscardHandler), func() { m.woken = true })
	m.attachAgain()
}

// attachAgain attaches the running process.
func (m *Member) attachAgain() {
	if m.machine == nil {
		return
	}
	hello := m.machine.Hello(m.token(), m.name, 0)
	if hello.PreviousGeneration != 0 {
		hello.PreviousGeneration = m.generation
	}
	i, welcome, err := m.bus.Core.Attach(m.bus.World.Now(), hello)
	if m.Refused = err; err != nil {
		m.machine, m.sub = nil, nil
		return
	}
	m.generation = welcome.Generation
	m.link = &attachment{m: m, instance: i, bulk: true}
	m.bus.Core.Broker.BulkStream(i)
	m.machine.Attached(m.link, welcome)
}

func (m *Member) token() []byte {
	if m.bus.cfg.Token == nil {
		return nil
	}
	token, err := m.bus.cfg.Token(m.spec.Name)
	if err != nil {
		m.bus.t.Fatal(err)
	}
	return token
}

// Kill ends the process, as kill -9 does: what it had said and what was on its way to it is lost.
func (m *Member) Kill() {
	m.detach(false, "it was killed")
	m.machine, m.sub = nil, nil
}

// Cut breaks the connection alone; the process attaches again.
func (m *Member) Cut() {
	m.Unplug()
	m.attachAgain()
}

// Reconnect breaks the connection so that the overseer learns of it only when the process attaches again.
func (m *Member) Reconnect() {
	m.unplug()
	m.attachAgain()
}

// Unplug breaks the connection; the process stays unattached until Replug.
func (m *Member) Unplug() {
	w := m.unplug()
	m.bus.Core.Detach(m.bus.World.Now(), w.instance, false, "the stream ended")
}

// Replug attaches it again.
func (m *Member) Replug() { m.attachAgain() }

// unplug loses the link without telling the overseer.
func (m *Member) unplug() *attachment {
	w := m.link
	if w != nil {
		m.machine.Detached(w)
		m.link = nil
	}
	return w
}

func (m *Member) detach(clean bool, cause string) {
	if w := m.link; w != nil {
		m.link = nil
		m.bus.Core.Detach(m.bus.World.Now(), w.instance, clean, cause)
	}
}

// Running tells whether the process lives.
func (m *Member) Running() bool { return m.machine != nil }

// Live tells whether its handler has been made: it is no standby and no longer starting.
func (m *Member) Live() bool { return m.sub != nil }

// Machine is the subsystem's loop; nil when the process doesn't run.
func (m *Member) Machine() *subsystem.Machine { return m.machine }

// Instance is the overseer's view of it; nil when it isn't attached.
func (m *Member) Instance() *broker.Instance {
	if m.link == nil {
		return nil
	}
	return m.link.instance
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
	if m.machine == nil {
		return nil
	}
	if m.woken && !m.Frozen && !m.Busy {
		possible = append(possible, m.step)
	}
	w := m.link
	if w == nil {
		return possible
	}
	for stream := broker.Bulk; stream >= broker.Primary; stream-- {
		if len(w.down[stream]) > 0 && !m.Frozen && !m.Deaf && !(stream == broker.Primary && m.HoldPrimary) {
			possible = append(possible, func() { m.receive(w, stream) })
		}
		if w.ready[stream] && !m.Deaf {
			possible = append(possible, func() { m.take(w, stream) })
		}
		if len(w.up[stream]) > 0 {
			possible = append(possible, func() { m.bring(w, stream) })
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
	m.machine.Step()
	if ended, _ := m.machine.Ended(); ended {
		for m.link != nil && len(m.link.up[broker.Primary]) > 0 {
			m.bring(m.link, broker.Primary)
		}
		m.detach(true, "it finished")
		m.machine, m.sub = nil, nil
	}
}

// batch is how much is taken at once: little, so that there is much to interleave.
const batch = 4 << 10

func (m *Member) take(w *attachment, stream int) {
	var b wire.Batch
	m.bus.Core.Broker.Take(m.bus.World.Now(), w.instance, stream, &b, batch)
	if b.Len() == 0 {
		w.ready[stream] = false
		return
	}
	w.down[stream] = append(w.down[stream], b.Bytes)
}

func (m *Member) receive(w *attachment, stream int) {
	b := w.down[stream][0]
	w.down[stream] = w.down[stream][1:]
	if err := m.machine.Receive(b); err != nil {
		m.bus.t.Errorf("%s can't read what the overseer says: %v", m.name, err)
	}
}

func (m *Member) bring(w *attachment, stream int) {
	b := w.up[stream][0]
	w.up[stream] = w.up[stream][1:]
	if m.Stutter > 0 && m.bus.rng.Float64() < m.Stutter {
		w.up[stream] = append(w.up[stream], b)
	}
	err := m.bus.Core.Frames(m.bus.World.Now(), w.instance, b, wire.Names{})
	switch {
	case errors.Is(err, overseer.ErrGoodbye):
		m.detach(true, "it finished")
	case err != nil:
		m.bus.t.Errorf("the overseer can't read what %s says: %v", m.name, err)
	}
}
