package sim

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/overseer/subsystem/driver"
)

// Node is one machine: an overseer, a process per part, and what outlives them.
type Node struct {
	World *World
	Index int
	ID    primitives.NodeID
	// Disk loses in a power cut what wasn't synced.
	Disk *simdisk.Disk

	rng       *rand.Rand // what is fast and slow today
	watch     virtual.Watch
	log       *slog.Logger
	bus       bus
	processes []*process
	off       bool // the machine is down
	powerCuts []func()
}

// Now is what the machine takes for the time.
func (n *Node) Now() time.Time { return n.watch.At(n.World.Clock.Elapsed()) }

// OnPowerCut adds something that a power cut does to the machine.
func (n *Node) OnPowerCut(f func()) { n.powerCuts = append(n.powerCuts, f) }

// equip gives the machine its overseer and its processes.
func (n *Node) equip() error {
	s := &n.World.scenario
	var chains []string
	for _, c := range s.Chains {
		chains = append(chains, c.Name)
	}
	log := n.log.With("subsystem", "overseer")
	n.bus = newBus(n, overseer.Config{Specs: s.Parts.Specs(), Chains: chains, Log: log})
	for _, i := range s.Parts.Instances(s.Chains) {
		ports := s.Ports[i.Spec.Name]
		switch {
		case ports == nil && i.Build != nil:
			return fmt.Errorf("%s has ports: the scenario has to simulate them", i.Spec.Name)
		case ports == nil:
			ports = func(*Incarnation) subsystem.Spec { return i.Spec }
		}
		n.processes = append(n.processes, &process{node: n, name: i.Spec.Name, id: i.ID, chain: i.Chain, ports: ports})
	}
	return nil
}

// boot starts everything.
func (n *Node) boot() {
	n.off = false
	n.bus.start()
	for _, p := range n.processes {
		p.start()
	}
}

// powerCut takes the machine down: only what was synced is left.
func (n *Node) powerCut(off time.Duration) {
	if n.off {
		return
	}
	n.off = true
	n.bus.crash()
	for _, p := range n.processes {
		if i := p.running; i != nil {
			i.end(true)
		}
	}
	n.Disk.Crash()
	n.bus.Blobs = driver.NewBlobs(n.Now) // nothing of it was synced
	for _, f := range n.powerCuts {
		f()
	}
	n.World.Clock.After(off, n.boot)
}

// work is how long a piece of offloaded work takes today.
func (n *Node) work() time.Duration {
	return virtual.Between(n.rng, 20*time.Microsecond, n.World.Timing.Work)
}
