package memnode

import (
	"errors"
	"log/slog"
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/overseer/subsystem/driver"
)

// Process is the process of one instance of a subsystem, from its start to its end.
type Process struct {
	Machine *driver.Machine
	// Link is nil while it isn't attached.
	Link   *Link
	Driver Driver
	// Dying, when set, is given every batch that the process writes, and returns what of it leaves: a process may die
	// while it writes.
	Dying func(batch []byte) []byte

	node       *Node
	name       string
	instance   string
	generation uint64 // of the last attachment, which the process knows before its loop does
}

// Process starts the process of an instance; chain is the one that it serves, of a subsystem per chain. It isn't
// attached yet.
func (n *Node) Process(
	spec subsystem.Spec, chain, instance string, runtime driver.Runtime, log *slog.Logger, d Driver,
) *Process {
	p := &Process{node: n, Driver: d, name: spec.Name, instance: instance}
	p.Machine = driver.New(spec.Program(), driver.Config{Chain: chain, Runtime: runtime, Log: log, Wake: d.Wake,
		Blobs: n.Blobs})
	return p
}

// Attach introduces the process to the overseer. The bulk stream comes up on its own.
func (p *Process) Attach() error {
	hello := p.Machine.Hello(nil, p.instance, 0, p.generation)
	if token := p.node.cfg.Token; token != nil {
		var err error
		if hello.Token, err = token(p.name); err != nil {
			return err
		}
	}
	i, welcome, err := p.node.Core.Attach(p.node.now(), hello)
	if err != nil {
		return err
	}
	p.generation = welcome.Generation
	p.Link = &Link{Process: p, Instance: i}
	p.node.links[i] = p.Link
	p.Machine.Attached(p.Link, welcome)
	return nil
}

// Lose is the process finding that its link is lost, with what was on its way. The overseer doesn't know yet.
func (p *Process) Lose() {
	if l := p.Link; l != nil {
		p.Link = nil
		p.Machine.Detached(l)
	}
}

// Heartbeat is one of its heartbeats arriving.
func (p *Process) Heartbeat(handling time.Duration, rss uint64) {
	if p.Link != nil {
		p.node.Core.Broker.Heartbeat(p.node.now(), p.Link.Instance, handling, rss)
	}
}

// Link joins a process to the overseer from its attachment on: two streams in each direction.
type Link struct {
	Process  *Process
	Instance *broker.Instance
	// Bulk: the second stream stands.
	Bulk bool

	written [2][][]byte // on its way to the overseer, by stream
}

var errLost = errors.New("the link is lost")

// Write takes what the process writes.
func (l *Link) Write(batch []byte, bulk bool) (free []byte, err error) {
	if l.Process.Link != l {
		return batch[:0], errLost
	}
	stream := broker.Primary
	if bulk && l.Bulk {
		stream = broker.Bulk
	}
	if dying := l.Process.Dying; dying != nil {
		if batch = dying(batch); len(batch) == 0 {
			return nil, nil
		}
	}
	l.written[stream] = append(l.written[stream], l.Process.node.keep(batch))
	l.Process.Driver.Written(l, stream)
	return batch[:0], nil
}

// Up tells whether the overseer takes the link for alive.
func (l *Link) Up() bool { return l.Process.node.links[l.Instance] == l }

// Written is how many batches are on their way to the overseer on a stream.
func (l *Link) Written(stream int) int { return len(l.written[stream]) }

// OpenBulk is the second stream coming up.
func (l *Link) OpenBulk() {
	l.Bulk = true
	l.Process.node.Core.Broker.BulkStream(l.Instance)
}

// Deliver brings the overseer the oldest batch of a stream; one that says goodbye ends the link. An error says that
// the overseer can't read it.
func (l *Link) Deliver(stream int) error {
	waiting := l.written[stream]
	batch := waiting[0]
	if l.written[stream] = waiting[1:]; len(waiting) == 1 {
		l.written[stream] = waiting[:0] // its memory is used again
	}
	err := l.Inject(batch)
	if errors.Is(err, overseer.ErrGoodbye) {
		l.Detach(true, "it said goodbye")
		return nil
	}
	return err
}

// Shorten leaves so many messages of the oldest batch of a stream, and tells how many were missing.
func (l *Link) Shorten(stream, messages int) (missing int) {
	waiting := l.written[stream]
	waiting[0], missing = Cut(waiting[0], wire.TagFromEnvelope, messages)
	return missing
}

// Repeat puts the oldest batch of a stream behind the others once more.
func (l *Link) Repeat(stream int) {
	l.written[stream] = append(l.written[stream], l.written[stream][0])
}

// Inject brings bytes to the overseer as if the process had written them.
func (l *Link) Inject(batch []byte) error {
	n := l.Process.node
	return n.Core.Frames(n.now(), l.Instance, batch, n.names)
}

// Fetch takes a batch of about limit bytes that the overseer has for the process on a stream; nil: there is nothing.
func (l *Link) Fetch(stream, limit int) []byte {
	n := l.Process.node
	n.batch.Bytes = n.batch.Bytes[:0]
	n.Core.Broker.Take(n.now(), l.Instance, stream, &n.batch, limit)
	if n.batch.Len() == 0 {
		return nil
	}
	return n.keep(n.batch.Bytes)
}

// Detach is the overseer learning that the link has ended. It learns it once.
func (l *Link) Detach(clean bool, cause string) {
	n := l.Process.node
	if l.Process.Link == l {
		l.Process.Link = nil
	}
	if l.Up() {
		delete(n.links, l.Instance)
		n.Core.Detach(n.now(), l.Instance, clean, cause)
	}
}

var _ driver.Link = (*Link)(nil)
