package subsystem

import (
	"log/slog"

	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Machine is a subsystem without goroutines and without a connection: its owner brings the frames, the time and the steps. It is
// how the test kit and the simulator run exactly the loop that production runs.
type Machine struct {
	l     *loop
	ended bool
	err   error
}

// NewMachine makes a machine in a runtime of the owner's; chain is the one that a subsystem per chain serves. Whenever it has something to do wake is called, on whatever goroutine
// that happened; the owner then calls Step when it sees fit.
func NewMachine(spec Spec, chain string, runtime Runtime, log *slog.Logger, wake func()) *Machine {
	m := &Machine{l: newLoop(spec, chain, runtime, log, originOf(runtime.Rand()))}
	m.l.onWake = wake
	m.l.ended = func(err error) { m.ended, m.err = true, err }
	return m
}

// Hello is the frame with which the subsystem introduces itself. Token may be nil where nobody asks for it.
func (m *Machine) Hello(token []byte, instance string, pid int) *overseerv1.Hello {
	previous := uint64(0)
	if m.l.handler != nil {
		previous = m.l.gen
	}
	return m.l.hello(token, instance, pid, previous)
}

// Attached tells that the overseer has welcomed it; what it says goes to link.
func (m *Machine) Attached(link Link, a *overseerv1.Attached) {
	m.l.post(func() { m.l.attached(link, a) })
}

// Detached tells that the link is lost.
func (m *Machine) Detached(link Link) { m.l.post(func() { m.l.detached(link) }) }

// Receive takes a batch of the overseer's frames. It may be called by any goroutine.
func (m *Machine) Receive(batch []byte) error {
	_, err := m.l.receive(&wire.Memory{Bytes: batch}, wire.Names{})
	m.l.kick()
	return err
}

// Step runs everything that waits, and flushes.
func (m *Machine) Step() { m.l.step(-1) }

// Conclude asks it to end as if the process had been told to stop.
func (m *Machine) Conclude() { m.l.post(func() { m.l.conclude("told to stop") }) }

// Handler is the handler, nil before the instance is live.
func (m *Machine) Handler() Handler { return m.l.handler }

// Ended tells whether it has ended, and with what.
func (m *Machine) Ended() (bool, error) { return m.ended, m.err }

// Open is how many asks, served requests and offloaded works are open: all zero when it is at rest.
func (m *Machine) Open() (asks, serving, offloaded int) {
	return len(m.l.asks), len(m.l.serving), m.l.offloaded
}

// ID is the id of the n'th message that it sent, for tests of what strangers may do with it.
func (m *Machine) ID(n uint64) wire.ID { return wire.NewID(m.l.origin, n) }

// Unknown counts the messages that the handler didn't know.
func (m *Machine) Unknown() uint64 { return m.l.count.unknown }

// Shed counts the gossip that was not sent because its receiver had no room.
func (m *Machine) Shed() uint64 { return m.l.count.shed }

// Dropped counts the late and duplicate ends that were dropped, and the double ones that should never be.
func (m *Machine) Dropped() (late, double uint64) { return m.l.count.late, m.l.count.double }
