package driver

import (
	"fmt"

	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Hello is the frame with which the instance introduces itself. Token may be nil where nobody asks for it; previous is
// the generation that the process was attached as before.
func (m *Machine) Hello(token []byte, instance string, pid int, previous uint64) *overseerv1.Hello {
	d := &overseerv1.Declaration{Class: max(m.declared.Class, overseerv1.Declaration_CLASS_SINGLE)}
	for _, v := range m.declared.Sends {
		d.Sends = append(d.Sends, string(v.ProtoReflect().Descriptor().FullName()))
	}
	for _, v := range m.declared.Asks {
		d.Asks = append(d.Asks, string(v.ProtoReflect().Descriptor().FullName()))
	}
	h := &overseerv1.Hello{
		ProtocolMin: ProtocolMin, ProtocolMax: ProtocolMax, Subsystem: m.declared.Name, Chain: m.cfg.Chain,
		Token: token, Declaration: d,
		Instance: instance, Pid: int64(pid), AnswersStatus: true,
	}
	if m.Live() { // it has something to come back to
		h.PreviousGeneration = previous
	}
	return h
}

// Attached tells that the overseer has welcomed it; what it says goes to link.
func (m *Machine) Attached(link Link, a *overseerv1.Attached) { m.post(func() { m.attached(link, a) }) }

func (m *Machine) attached(link Link, a *overseerv1.Attached) {
	if m.started && a.Standby {
		m.stop(fmt.Errorf("another instance of %s took over while the overseer was away", m.declared.Name))
		return
	}
	restarted := m.epoch != 0 && a.Epoch != m.epoch
	m.epoch, m.standby, m.headers.generation = a.Epoch, a.Standby, a.Generation
	m.edges.window = wire.Window{Messages: int(a.GetWindow().GetMessages()), Bytes: int(a.GetWindow().GetBytes())}
	m.writer.progress.window = m.edges.window
	m.catalog.maxMessage = int(a.MaxMessageBytes)
	m.writer.attach(link)
	switch {
	case m.started:
		m.resume(a.Snapshot, restarted)
	default:
		m.timeline = timelineOf(a.Snapshot)
		if !m.standby {
			m.activate()
		}
	}
}

// resume goes on where the last link was lost: the program is told what happened meanwhile, and everything that the old
// overseer had not acknowledged is sent again: messages that nobody finished, and the asks that are safe to ask again.
func (m *Machine) resume(s *overseerv1.Snapshot, restarted bool) {
	m.catchUp(s)
	m.edges.rewind(m.headers.generation)
	m.asks.rewind(m.headers.generation)
	m.edges.resume()
	if restarted {
		m.program.Reattached()
	}
}

// Detached tells that a link is lost. What was delivered by it and not yet handled will be delivered again.
func (m *Machine) Detached(link Link) { m.post(func() { m.detached(link) }) }

func (m *Machine) detached(link Link) {
	if m.writer.link != link {
		return
	}
	m.writer.detach()
	m.inbox.drop()
	m.served.detach()
	m.asks.detach()
}

// Receive takes a batch of the overseer's frames. Any goroutine may call it.
func (m *Machine) Receive(batch []byte) error {
	_, err := m.inbox.receive(&wire.Memory{Bytes: batch}, wire.Names{}, m)
	m.kick()
	return err
}

// Reader takes what the overseer sends on one stream. It is one goroutine's.
type Reader struct {
	m      *Machine
	names  wire.Names
	memory *wire.Memory
}

// Reader makes a reader for a stream.
func (m *Machine) Reader() *Reader { return &Reader{m: m, names: wire.Names{}} }

// Buffer is memory into which the next batch may be read, from its beginning and as far as its capacity goes.
func (r *Reader) Buffer() []byte {
	r.memory = r.m.inbox.memory()
	return r.memory.Bytes
}

// inline is how many frames at most the reader handles itself before it reads on; more is left to whoever is in Run.
const inline = 8

// Received takes a batch that was read, into the last Buffer or into memory that is the machine's from now on. Its
// frames are handled now if they are few.
func (r *Reader) Received(batch []byte) error {
	m := r.m
	r.memory.Bytes = batch
	n, err := m.inbox.receive(r.memory, r.names, m)
	if err != nil {
		return err
	}
	if n > inline || m.step(n+1) {
		m.kick()
	}
	m.inbox.release(r.memory)
	return nil
}

// Heartbeat shows that the process is scheduled, from outside the machine, and says how long the program has been at
// its current message.
func (m *Machine) Heartbeat() *overseerv1.Heartbeat { return m.inbox.heartbeat(m.cfg.Runtime.Now()) }
