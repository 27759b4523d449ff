package sim

import (
	"fmt"
	"strings"
	"time"
)

// The invariants, by the names of the engine's design:
//
//	E1  two honest nodes never accept different blocks at one height         chain.go, at every durable write
//	E2  accepted blocks form one chain, each once, in order, parent first    chain.go, at every durable write
//	E3  nobody votes as if it had accepted what isn't durable, or less       votes.go, at every vote
//	E4  every ask ends exactly once                                          process.go, at every process's end and at the run's
//	E5  once all is healed, everything issued is decided everywhere          settled, below: else the run is stuck
//	E6  memory is bounded                                                    watch, below, every virtual second
//
// and besides: no key signs two blocks for one place (votes.go), no process ends by itself unless its disk fails (process.go), no
// panic, nothing on the bus that can't be read.

// Bounds of E6.
const (
	maxOpenAsks    = 2048
	maxOpenAtBus   = 8192
	maxQueuedAtBus = 16384
	maxPlanned     = 2_000_000
)

// floorAge is for how many seconds a height must have been durable before a vote below it is a fault: the votes of a process that
// hung, and those of an engine that has died since, may still be on their way for that long.
const floorAge = 15

// watch checks once in a virtual second what takes too long to check always.
func (net *network) watch() {
	net.clock.After(time.Second, func() {
		for _, n := range net.nodes {
			n.chain.past = append(n.chain.past, n.chain.height())
			net.bounded(n)
		}
		if p := net.clock.Pending(); p > maxPlanned {
			net.violate("E6", fmt.Sprintf("%d things are planned", p))
		}
		net.watch()
	})
}

// floor is the height that has been durable for so long that no vote may be below it.
func (c *chainState) floor() uint64 {
	if len(c.past) < floorAge {
		return 0
	}
	return c.past[len(c.past)-floorAge]
}

func (net *network) bounded(n *node) {
	for _, p := range n.processes {
		if p.running == nil {
			continue
		}
		asks, serving, offloaded := p.running.Machine.Open()
		if asks > maxOpenAsks || serving > maxOpenAsks || offloaded > maxOpenAsks {
			net.violate("E6", fmt.Sprintf("node %d: %s has %d asks, %d requests and %d works open", n.index, p.name, asks, serving, offloaded))
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
		net.violate("E6", fmt.Sprintf("node %d: the bus has %d requests open and %d messages queued", n.index, status.Open, queued))
	}
}

// reached tells whether every honest node is at the height that the run is for.
func (net *network) reached() bool {
	if net.cfg.Heights == 0 {
		return false
	}
	for _, n := range net.nodes {
		if !n.liar && n.chain.height() < net.cfg.Heights {
			return false
		}
	}
	return true
}

// settled tells whether everything is decided everywhere.
func (net *network) settled() bool {
	if net.users.open() > 0 {
		return false
	}
	for _, n := range net.nodes {
		if !n.liar && len(n.chain.ids) != len(net.final) {
			return false
		}
	}
	return true
}

// unsettled says what isn't decided; empty when all is.
func (net *network) unsettled() string {
	if net.settled() {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d transactions are open; heights", net.users.open())
	for _, n := range net.nodes {
		fmt.Fprintf(&b, " %d", n.chain.height())
		if n.liar {
			b.WriteString("(liar)")
		}
	}
	return b.String()
}
