// Package memnode is a node in memory: the overseer's real core and the real loop of every subsystem, joined by
// queues instead of sockets. What passes between them are the real frames.
//
// Nothing happens by itself. Each method is one thing that can happen, a Driver is told when it could, and decides
// when it does: the test kit at once, in a fixed or a drawn order; the simulator after a delay. It holds no goroutine
// and may be used by one alone.
package memnode

import (
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem/driver"
)

// Driver learns what could happen to a process, and lets it happen when it sees fit.
type Driver interface {
	// Wake tells that Machine.Step has something to do.
	Wake()
	// Written tells that the process has written a batch to one of its streams: Link.Deliver has something to do.
	Written(l *Link, stream int)
	// Ready tells that Link.Fetch may have something for the process.
	Ready(l *Link)
}

// Node is the overseer of a node and the links of the processes that are attached to it.
type Node struct {
	// Core is nil while the overseer is down.
	Core *overseer.Core
	// Blobs is the node's blob store, which outlives its processes.
	Blobs driver.Blobs

	cfg   overseer.Config
	now   func() time.Time
	names wire.Names
	links map[*broker.Instance]*Link

	batch wire.Batch // what is fetched, before it is kept
	room  []byte     // where the next batches are kept
}

// New makes a node whose overseer isn't started. cfg.Epoch is that of its first start, 1 when it is zero.
func New(cfg overseer.Config, now func() time.Time) *Node {
	cfg.Epoch = max(1, cfg.Epoch) - 1
	return &Node{cfg: cfg, now: now, Blobs: driver.NewBlobs(now)}
}

// Start starts the overseer in a new epoch. Processes attach by themselves.
func (n *Node) Start() error {
	n.cfg.Epoch++
	core, err := overseer.New(n.cfg)
	if err != nil {
		return err
	}
	n.Core, n.names, n.links = core, wire.Names{}, map[*broker.Instance]*Link{}
	return nil
}

// Crash ends the overseer with all that it held. Its processes still have to lose their links.
func (n *Node) Crash() { n.Core, n.links = nil, nil }

// Epoch counts the overseer's starts.
func (n *Node) Epoch() uint64 { return n.cfg.Epoch }

// Serve tells the drivers of the processes for which the overseer has something. It follows whatever has moved the
// overseer.
func (n *Node) Serve() {
	for _, i := range n.Core.Broker.Woken() {
		if l := n.links[i]; l != nil {
			l.Process.Driver.Ready(l)
		}
	}
}

// Events calls each with what the broker wants of its host, and with the link of the instance, which is nil when it
// has none.
func (n *Node) Events(each func(broker.Event, *Link)) {
	for _, e := range n.Core.Broker.Events() {
		each(e, n.links[e.Instance])
	}
}

// roomSize is how much memory a node takes at once for batches.
const roomSize = 32 << 10

// keep copies a batch to where it can stay as long as somebody needs a part of it.
func (n *Node) keep(batch []byte) []byte {
	size := len(batch)
	if size > roomSize/4 {
		return append([]byte(nil), batch...)
	}
	if cap(n.room)-len(n.room) < size {
		n.room = make([]byte, 0, roomSize)
	}
	at := len(n.room)
	n.room = append(n.room, batch...)
	return n.room[at : at+size : at+size]
}
