package sim

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/overseer/overseertest/memnode"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// process is the place of a subsystem's process in a node: its supervisor starts it again when it dies.
type process struct {
	node    *node
	name    string
	build   func(*incarnation) subsystem.Spec
	running *incarnation // nil while it is down
	starts  int
}

// incarnation is a process from its start to its end.
type incarnation struct {
	*memnode.Process
	of      *process
	node    *node
	runtime *virtual.Runtime
	ports   ports
	alive   bool
	// hung: it is stopped, as by a signal, and does nothing until it goes on or is killed.
	hung              bool
	stepping, stirred bool
	stir              func() // the step that follows a waking
	// receiving: the overseer has something for it, and receive is planned.
	receiving bool
	receive   func()
	crashes   int // of the plugin that it hosts
}

// start starts the process. It attaches by itself.
func (p *process) start() {
	if p.running != nil || p.node.off {
		return
	}
	p.starts++
	n := p.node
	i := &incarnation{of: p, node: n, alive: true}
	i.stir = func() {
		i.stirred = false
		i.step()
	}
	i.runtime = n.net.clock.Runtime(virtual.RNG(n.net.seed, p.name, n.index, p.starts), func() time.Duration { return n.net.work(n) })
	i.Process = n.bus.Process(p.build(i), "", p.name, i.runtime, n.log, i)
	p.running = i
	n.net.clock.After(virtual.Between(n.rng, time.Millisecond, 20*time.Millisecond), i.attach)
}

// attach introduces it to the overseer, if that one is up.
func (i *incarnation) attach() {
	u := &i.node.bus
	if u.Core == nil || i.Link != nil || !i.alive || i.hung {
		return
	}
	if err := i.Attach(); err != nil {
		i.node.net.violate("attach", fmt.Sprintf("node %d: %s: %v", i.node.index, i.of.name, err))
		return
	}
	l := i.Link
	i.receiving = false
	i.receive = u.during(func() {
		if i.Link == l {
			i.takeAll()
		}
	})
	i.node.net.clock.Do(u.hop(), u.during(func() {
		if l.Up() {
			l.OpenBulk()
			u.Serve()
		}
	}))
	u.Serve()
}

// Wake is memnode.Driver.
func (i *incarnation) Wake() {
	if i.stepping || i.stirred || !i.alive {
		return
	}
	i.stirred = true
	i.node.net.clock.Do(0, i.stir)
}

// Written is memnode.Driver.
func (i *incarnation) Written(l *memnode.Link, stream int) { i.node.bus.written(l, stream) }

// Ready is memnode.Driver.
func (i *incarnation) Ready(*memnode.Link) {
	if !i.receiving {
		i.receiving = true
		i.node.net.clock.Do(i.node.bus.hop(), i.receive)
	}
}

// takeAll receives all that the overseer has for the process.
func (i *incarnation) takeAll() {
	i.receiving = false
	if i.hung {
		return
	}
	b, l := i.node.bus.Core.Broker, i.Link
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
	i.node.bus.Serve()
	i.step()
}

// takeLimit is the size up to which a batch is filled.
const takeLimit = 64 << 10

// take receives one batch; false: there was nothing.
func (i *incarnation) take(l *memnode.Link, stream int) bool {
	batch := l.Fetch(stream, takeLimit)
	if batch == nil {
		return false
	}
	if err := i.Machine.Receive(batch); err != nil {
		i.node.net.violate("bus", fmt.Sprintf("node %d: %s can't read the overseer's frames: %v", i.node.index, i.of.name, err))
	}
	return true
}

func (i *incarnation) step() {
	if !i.alive || i.hung {
		return
	}
	i.stepping = true
	i.Machine.Step()
	i.stepping = false
	if ended, err := i.Machine.Ended(); ended {
		i.exit(err)
	}
}

// hang stops the process for a while.
func (i *incarnation) hang(d time.Duration) {
	if i.hung || !i.alive {
		return
	}
	i.hung = true
	i.node.net.clock.After(d, func() {
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
func (i *incarnation) exit(err error) {
	if !i.alive {
		return
	}
	net := i.node.net
	if err != nil {
		net.note(fmt.Sprintf("node %d: %s ends: %v", i.node.index, i.of.name, err))
		net.count.Exits++
		if net.plan.diskFaults == 0 {
			net.violate("exit", fmt.Sprintf("node %d: %s ended with an error: %v", i.node.index, i.of.name, err))
		}
	}
	i.kill()
}

// kill ends the process at once. Its supervisor starts another.
func (i *incarnation) kill() {
	if !i.alive {
		return
	}
	i.end(false)
	n := i.node
	if l := i.Link; l != nil {
		n.net.clock.After(virtual.Between(n.rng, 0, 2*time.Millisecond), n.bus.during(func() {
			l.Detach(false, "its process ended")
			n.bus.Serve()
		}))
	}
	n.net.clock.After(virtual.Between(n.rng, 20*time.Millisecond, n.net.plan.restart), i.of.start)
}

// end takes the process out of the simulation.
func (i *incarnation) end(machine bool) {
	if _, double := i.Machine.Dropped(); double != 0 {
		i.node.net.violate("E4", fmt.Sprintf("node %d: %s ended %d asks twice", i.node.index, i.of.name, double))
	}
	i.alive = false
	i.runtime.End()
	i.ports.end(machine)
	if i.of.running == i {
		i.of.running = nil
	}
}
