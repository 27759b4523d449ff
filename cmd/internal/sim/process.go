package sim

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// slot is a place for a process in a node: its supervisor starts it again when it dies.
type slot struct {
	node   *node
	name   string
	build  func(*life) subsystem.Spec
	life   *life // nil while it is down
	starts int
	deaths int
}

// life is one process from its start to its end.
type life struct {
	slot    *slot
	node    *node
	runtime *virtual.Runtime
	machine *subsystem.Machine
	link    *link
	ports   ports
	alive   bool
	// hung: it is stopped, as by a signal, and does nothing until it goes on or is killed.
	hung              bool
	stepping, stirred bool
	stir              func() // the step that follows a waking
	crashes           int    // of the plugin that it hosts
}

// start makes a process. It attaches by itself.
func (s *slot) start() {
	if s.life != nil || s.node.off {
		return
	}
	s.starts++
	net := s.node.net
	l := &life{slot: s, node: s.node, alive: true}
	l.stir = func() {
		l.stirred = false
		l.step()
	}
	l.runtime = net.clock.Runtime(virtual.RNG(net.seed, s.name, s.node.index, s.starts), func() time.Duration { return net.work(s.node) })
	l.machine = subsystem.NewMachine(s.build(l), l.runtime, s.node.log, l.wake)
	s.life = l
	net.clock.After(virtual.Between(s.node.rng, time.Millisecond, 20*time.Millisecond), func() { s.node.bus.attach(l) })
}

// wake is told that the machine has something to do.
func (l *life) wake() {
	if l.stepping || l.stirred || !l.alive {
		return
	}
	l.stirred = true
	l.node.net.clock.Do(0, l.stir)
}

func (l *life) step() {
	if !l.alive || l.hung {
		return
	}
	l.stepping = true
	l.machine.Step()
	l.stepping = false
	if ended, err := l.machine.Ended(); ended {
		l.exit(err)
	}
}

// hang stops the process for a while.
func (l *life) hang(d time.Duration) {
	if l.hung || !l.alive {
		return
	}
	l.hung = true
	l.node.net.clock.After(d, func() {
		l.hung = false
		if l.alive {
			l.node.bus.attach(l)
			l.wake()
			if l.link != nil && l.link.up {
				l.node.bus.give(l)
			}
		}
	})
}

// lost is the process finding that the overseer is gone.
func (l *life) lost() {
	k := l.link
	k.up = false
	l.link = nil
	l.machine.Detached(k)
}

// exit is the process ending by itself.
func (l *life) exit(err error) {
	if !l.alive {
		return
	}
	net := l.node.net
	if err != nil {
		net.note(fmt.Sprintf("node %d: %s ends: %v", l.node.index, l.slot.name, err))
		net.count.Exits++
		if net.plan.diskFaults == 0 {
			net.violate("exit", fmt.Sprintf("node %d: %s ended with an error: %v", l.node.index, l.slot.name, err))
		}
	}
	l.kill("it ended")
}

// kill ends the process at once. Its supervisor starts another.
func (l *life) kill(why string) {
	if !l.alive {
		return
	}
	l.end(false)
	net := l.node.net
	if k := l.link; k != nil && k.up {
		epoch := l.node.bus.epoch
		net.clock.After(virtual.Between(l.node.rng, 0, 2*time.Millisecond), func() {
			if l.node.bus.core != nil && l.node.bus.epoch == epoch {
				l.node.bus.detach(k, false, why)
			}
		})
	}
	l.slot.deaths++
	s := l.slot
	net.clock.After(virtual.Between(l.node.rng, 20*time.Millisecond, net.plan.restart), s.start)
}

// end takes the process out of the world.
func (l *life) end(machine bool) {
	if _, double := l.machine.Dropped(); double != 0 {
		l.node.net.violate("E4", fmt.Sprintf("node %d: %s ended %d asks twice", l.node.index, l.slot.name, double))
	}
	l.alive = false
	l.runtime.End()
	l.ports.end(machine)
	if l.slot.life == l {
		l.slot.life = nil
	}
}
