package sim

import "time"

// Invariants of every node, whatever runs on it. E4 and E6 are names of the engine's design.
//
//	E4      every ask ends exactly once                                     process.go, at every process's end and at the run's
//	E6      memory is bounded                                               below, every virtual second
//	exit    no process ends with an error by itself, unless its disk fails  process.go
//	attach  the overseer takes every process that is declared               process.go
//	bus     nothing is on the bus that can't be read                        bus.go, process.go
//	panic   nothing panics                                                  sim.go
//
// Bounds of E6.
const (
	maxOpenAsks    = 2048
	maxOpenAtBus   = 8192
	maxQueuedAtBus = 16384
	maxPlanned     = 2_000_000
)

// watch checks once in a virtual second what takes too long to check always.
func (w *World) watch() {
	w.Clock.After(time.Second, func() {
		for _, i := range w.scenario.Invariants {
			i.Check()
		}
		for _, n := range w.Nodes {
			w.bounded(n)
		}
		if p := w.Clock.Pending(); p > maxPlanned {
			w.Violate("E6", "%d things are planned", p)
		}
		w.watch()
	})
}

func (w *World) bounded(n *Node) {
	for _, p := range n.processes {
		if p.running == nil {
			continue
		}
		asks, serving, offloaded := p.running.Machine.Open()
		if max(asks, serving, offloaded) > maxOpenAsks {
			w.Violate("E6", "node %d: %s has %d asks, %d requests and %d works open",
				n.Index, p.id, asks, serving, offloaded)
		}
	}
	if n.bus.Core == nil {
		return
	}
	status := n.bus.Core.Broker.Status()
	queued := 0
	for _, s := range status.Subsystems {
		queued += s.Waiting
		for _, i := range s.Instances {
			queued += i.Queued
		}
	}
	if status.Open > maxOpenAtBus || queued > maxQueuedAtBus {
		w.Violate("E6", "node %d: the bus has %d requests open and %d messages queued", n.Index, status.Open, queued)
	}
}
