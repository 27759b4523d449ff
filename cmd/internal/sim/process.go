package sim

import (
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/overseer/overseertest/memnode"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/networkbridge/memnet"
)

// process is the place of a subsystem's process in a node: its supervisor starts it again when it dies.
type process struct {
	node    *Node
	name    string // of the subsystem
	id      string
	chain   string // that it serves, of a subsystem per chain
	ports   func(*Incarnation) subsystem.Spec
	running *Incarnation // nil while it is down
	starts  int
	point   *point // where it dies next; nil: nowhere
}

// Incarnation is a process from one start to its end.
type Incarnation struct {
	*memnode.Process
	Node    *Node
	of      *process
	runtime *virtual.Runtime
	ends    []func(machine bool)
	alive   bool
	// hung: it is stopped, as by a signal, and does nothing until it goes on or is killed.
	hung              bool
	stepping, stirred bool
	stir              func() // the step that follows a waking
	dying             bool   // it has come to its point, and does nothing more
	// receiving: the overseer has something for it, and receive is planned.
	receiving bool
	receive   func()
}

// start starts the process. It attaches by itself.
func (p *process) start() {
	if p.running != nil || p.node.off {
		return
	}
	p.starts++
	n := p.node
	i := &Incarnation{of: p, Node: n, alive: true}
	i.stir = func() {
		i.stirred = false
		i.step()
	}
	i.runtime = n.World.Clock.Runtime(n.World.RNG(p.id, n.Index, p.starts), n.work).By(&n.watch)
	i.Process = n.bus.Process(p.ports(i), p.chain, p.id, i.runtime, n.log, i)
	i.Dying = i.leaving
	p.running = i
	n.World.Clock.After(virtual.Between(n.rng, time.Millisecond, 20*time.Millisecond), i.attach)
}

// attach introduces it to the overseer, if that one is up.
func (i *Incarnation) attach() {
	u := &i.Node.bus
	if u.Core == nil || i.Link != nil || !i.alive || i.hung {
		return
	}
	if err := i.Attach(); err != nil {
		i.Node.World.Violate("attach", "node %d: %s: %v", i.Node.Index, i, err)
		return
	}
	l := i.Link
	i.receiving = false
	i.receive = u.during(func() {
		if i.Link == l {
			i.takeAll()
		}
	})
	i.Node.World.Clock.Do(u.hop(), u.during(func() {
		if l.Up() {
			l.OpenBulk()
			u.Serve()
		}
	}))
	u.Serve()
}

// Wake is memnode.Driver.
func (i *Incarnation) Wake() {
	if i.stepping || i.stirred || !i.alive {
		return
	}
	i.stirred = true
	i.Node.World.Clock.Do(0, i.stir)
}

func (i *Incarnation) Written(l *memnode.Link, stream int) { i.Node.bus.written(l, stream) }

// Ready is memnode.Driver.
func (i *Incarnation) Ready(*memnode.Link) {
	if !i.receiving {
		i.receiving = true
		i.Node.World.Clock.Do(i.Node.bus.hop(), i.receive)
	}
}

// takeAll receives all that the overseer has for the process.
func (i *Incarnation) takeAll() {
	i.receiving = false
	if i.hung {
		return
	}
	b, l := i.Node.bus.Core.Broker, i.Link
	i.stepping = true // it needn't be woken: its step comes below
	for primary, bulk := b.Ready(l.Instance); primary || bulk; primary, bulk = b.Ready(l.Instance) {
		took := primary && i.take(l, broker.Primary)
		if bulk && l.Bulk {
			took = i.take(l, broker.Bulk) || took
		}
		if !took {
			break
		}
	}
	i.stepping = false
	i.Node.bus.Serve()
	i.step()
}

// takeLimit is the size up to which a batch is filled.
const takeLimit = 64 << 10

// take receives one batch; false: there was nothing.
func (i *Incarnation) take(l *memnode.Link, stream int) bool {
	batch := l.Fetch(stream, takeLimit)
	if batch == nil {
		return false
	}
	if err := i.Machine.Receive(batch); err != nil {
		i.Node.World.Violate("bus", "node %d: %s can't read the overseer's frames: %v", i.Node.Index, i, err)
	}
	return true
}

func (i *Incarnation) step() {
	if !i.alive || i.hung {
		return
	}
	i.stepping = true
	if i.of.point == nil {
		i.Machine.Step()
	} else {
		i.stepToPoint()
	}
	i.stepping = false
	if i.dying {
		i.die()
		return
	}
	if ended, err := i.Machine.Ended(); ended {
		i.exit(err)
	}
}

// hang stops the process for a while.
func (i *Incarnation) hang(d time.Duration) {
	if i.hung || !i.alive {
		return
	}
	i.hung = true
	i.Node.World.Clock.After(d, func() {
		i.hung = false
		if i.alive {
			i.attach()
			i.Wake()
			if i.Link != nil {
				i.takeAll()
			}
		}
	})
}

// exit is the process ending by itself.
func (i *Incarnation) exit(err error) {
	if !i.alive {
		return
	}
	w := i.Node.World
	if err != nil {
		w.Note("node %d: %s ends: %v", i.Node.Index, i, err)
		*w.count.exits++
		if !w.diskFaults {
			w.Violate("exit", "node %d: %s ended with an error: %v", i.Node.Index, i, err)
		}
	}
	i.Kill()
}

// Kill ends the process at once. Its supervisor starts another.
func (i *Incarnation) Kill() {
	if !i.alive {
		return
	}
	i.end(false)
	n := i.Node
	if l := i.Link; l != nil {
		n.World.Clock.After(virtual.Between(n.rng, 0, 2*time.Millisecond), n.bus.during(func() {
			l.Detach(false, "its process ended")
			n.bus.Serve()
		}))
	}
	n.World.Clock.After(virtual.Between(n.rng, 20*time.Millisecond, n.World.Timing.Restart), i.of.start)
}

// String is what people call it.
func (i *Incarnation) String() string { return i.of.id }

// Chain is the chain that it serves, of a subsystem per chain.
func (i *Incarnation) Chain() string { return i.of.chain }

// Alive tells whether it hasn't ended.
func (i *Incarnation) Alive() bool { return i.alive }

// Responsive tells whether it is alive and doesn't hang.
func (i *Incarnation) Responsive() bool { return i.alive && !i.hung }

// OnEnd adds something that happens when the process ends; machine: with its whole machine.
func (i *Incarnation) OnEnd(f func(machine bool)) { i.ends = append(i.ends, f) }

// Transport makes the port to the network. It crashes with the process.
func (i *Incarnation) Transport() *memnet.Node {
	t := i.Node.World.Network.Node(i.Node.ID)
	i.OnEnd(t.Crash)
	return t
}

// Disk makes the process's port to the machine's disk. It ends with the process.
func (i *Incarnation) Disk() *simdisk.Process {
	d := i.Node.Disk.Process()
	i.OnEnd(func(bool) { d.Kill() })
	return d
}

// checkAsks checks that no ask of the process has ended twice (E4).
func (i *Incarnation) checkAsks() {
	if i == nil {
		return
	}
	if _, double := i.Machine.Dropped(); double != 0 {
		i.Node.World.Violate("E4", "node %d: %s ended %d asks twice", i.Node.Index, i, double)
	}
}

// end takes the process out of the simulation.
func (i *Incarnation) end(machine bool) {
	i.checkAsks()
	i.alive = false
	i.runtime.End()
	for _, f := range i.ends {
		f(machine)
	}
	if i.of.running == i {
		i.of.running = nil
	}
}
