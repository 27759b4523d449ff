package sim

import (
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest/memnode"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
)

// bus is a node's overseer with its connections: what a subsystem writes reaches the overseer a moment later, and
// what the overseer has for it is taken a moment later again. When the overseer dies what was on its way is lost.
type bus struct {
	*memnode.Node
	node   *Node
	intake [2]intake // by stream: primary, bulk
	point  *point    // where the overseer dies next; nil: nowhere
}

// intake is what is on its way to the overseer on one stream: the link of each batch, in the order in which they were
// written.
type intake struct {
	waiting, taken []*memnode.Link
	deliver        func()
}

func newBus(n *Node, cfg overseer.Config) bus {
	return bus{Node: memnode.New(cfg, n.Now), node: n}
}

// hop is how long a batch takes from one process to another on one machine.
func (u *bus) hop() time.Duration {
	return virtual.Between(u.node.rng, 5*time.Microsecond, u.node.World.Timing.Hop)
}

// written plans that the overseer gets what a process has just written.
func (u *bus) written(l *memnode.Link, stream int) {
	in := &u.intake[stream]
	in.waiting = append(in.waiting, l)
	if len(in.waiting) == 1 {
		u.node.World.Clock.Do(u.hop(), in.deliver)
	}
}

// deliver brings the overseer what has arrived.
func (u *bus) deliver(stream int) {
	in := &u.intake[stream]
	arrived := in.waiting
	in.waiting, in.taken = in.taken[:0], arrived
	for _, l := range arrived {
		if !l.Up() {
			continue
		}
		dies := u.takes(l, stream)
		if err := l.Deliver(stream); err != nil {
			u.node.World.Violate("bus", "node %d: the overseer can't read what %s sent: %v",
				u.node.Index, l.Process.Driver, err)
		}
		if dies {
			u.die()
			return
		}
	}
	clear(arrived)
	u.Serve()
}

// takes counts the messages of the batch that is delivered next, and cuts it where the overseer dies.
func (u *bus) takes(l *memnode.Link, stream int) (dies bool) {
	if u.point == nil {
		return false
	}
	u.point.left = l.Shorten(stream, u.point.left)
	return u.point.left == 0
}

// die ends the overseer at its point. Somebody starts it again.
func (u *bus) die() {
	w := u.node.World
	w.Note("node %d: the overseer dies between two messages", u.node.Index)
	*w.count.points++
	u.point = nil
	u.crash()
	u.restart(virtual.Between(u.node.rng, 20*time.Millisecond, w.Timing.Restart))
}

// restart starts the overseer after a while, if its machine runs by then.
func (u *bus) restart(after time.Duration) {
	u.node.World.Clock.After(after, func() {
		if !u.node.off {
			u.start()
		}
	})
}

// during makes sure that something happens in this epoch of the overseer only.
func (u *bus) during(f func()) func() {
	epoch := u.Epoch()
	return func() {
		if u.Core != nil && u.Epoch() == epoch {
			f()
		}
	}
}

// start starts the overseer anew; the processes find it by themselves.
func (u *bus) start() {
	if u.Core != nil {
		return
	}
	if err := u.Start(); err != nil {
		u.node.World.Violate("overseer", "%v", err)
		return
	}
	for stream := range u.intake {
		u.intake[stream].deliver = u.during(func() { u.deliver(stream) })
	}
	for _, p := range u.node.processes {
		if i := p.running; i != nil {
			u.node.World.Clock.After(virtual.Between(u.node.rng, time.Millisecond, 50*time.Millisecond), i.attach)
		}
	}
	u.tick()
}

// crash ends the overseer; every process loses its link.
func (u *bus) crash() {
	if u.Core == nil {
		return
	}
	u.Crash()
	u.intake = [2]intake{}
	for _, p := range u.node.processes {
		if i := p.running; i != nil {
			i.Lose()
		}
	}
}

// tick is the overseer's watch, and the heartbeats of those who live.
func (u *bus) tick() {
	u.node.World.Clock.After(broker.TickEvery, u.during(func() {
		for _, p := range u.node.processes {
			if i := p.running; i != nil && !i.hung {
				i.Heartbeat(0, 0)
			}
		}
		u.Core.Tick(u.node.Now())
		u.Events(u.act)
		u.Serve()
		u.tick()
	}))
}

// act does what the overseer's watchdogs ask for.
func (u *bus) act(e broker.Event, l *memnode.Link) {
	w := u.node.World
	switch {
	case e.Kind == broker.Quarantined:
		*w.count.quarantined++
		w.Note("node %d: %s is quarantined", u.node.Index, e.Variant)
	case e.Kind == broker.Cut:
		u.cut(l)
	case l != nil:
		w.Note("node %d: the overseer ends %s: %s", u.node.Index, l.Process.Driver, e.Cause)
		*w.count.watchdog++
		l.Process.Driver.(*Incarnation).Kill()
	}
}

// cut ends the link of an instance whose place another one has taken; its process finds the overseer again.
func (u *bus) cut(l *memnode.Link) {
	if l == nil {
		return
	}
	if i := l.Process.Driver.(*Incarnation); i.Link == l {
		i.Lose()
		u.node.World.Clock.After(virtual.Between(u.node.rng, time.Millisecond, 50*time.Millisecond), i.attach)
	}
	l.Detach(false, "it was cut off")
}
