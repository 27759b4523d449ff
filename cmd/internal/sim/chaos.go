package sim

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
)

// chaos makes the faults of a plan happen, until it is told to heal.
type chaos struct {
	net    *network
	crash  *rand.Rand
	cut    *rand.Rand
	healed bool
	cuts   int // partitions now
}

func newChaos(net *network) *chaos {
	return &chaos{net: net, crash: virtual.RNG(net.seed, "crash"), cut: virtual.RNG(net.seed, "partition")}
}

func (c *chaos) start() {
	p := &c.net.plan
	c.net.wire.Faults = p.network
	c.every(c.crash, p.processCrash, c.crashProcess)
	c.every(c.crash, p.powerCut, c.cutPower)
	c.every(c.crash, p.overseerCrash, c.crashOverseer)
	c.every(c.crash, p.pluginCrash, c.crashPlugin)
	c.every(c.crash, p.hang, c.hangProcess)
	c.every(c.cut, p.partition, c.partition)
	if p.diskFaults > 0 {
		for _, n := range c.net.nodes {
			n.disk.SetFault(c.diskFault)
		}
	}
}

// every makes f happen again and again, at times drawn with the given mean.
func (c *chaos) every(rng *rand.Rand, mean time.Duration, f func()) {
	if mean == 0 {
		return
	}
	c.net.clock.After(time.Duration(rng.ExpFloat64()*float64(mean)), func() {
		if !c.healed {
			f()
			c.every(rng, mean, f)
		}
	})
}

func (c *chaos) note(format string, args ...any) {
	if c.net.clock.Trace.Logs() {
		c.net.note(fmt.Sprintf(format, args...))
	}
}

func (c *chaos) node() *node { return c.net.nodes[c.crash.IntN(len(c.net.nodes))] }

func (c *chaos) crashProcess() {
	n := c.node()
	if i := n.processes[c.crash.IntN(len(n.processes))].running; i != nil {
		c.note("node %d: %s is killed", n.index, i.of.name)
		c.net.count.ProcessCrashes++
		i.kill()
	}
}

func (c *chaos) cutPower() {
	n := c.node()
	c.note("node %d: power cut", n.index)
	c.net.count.PowerCuts++
	n.powerCut(virtual.Between(c.crash, 100*time.Millisecond, 4*time.Second))
}

func (c *chaos) crashOverseer() {
	n := c.node()
	if n.off || n.bus.Core == nil {
		return
	}
	c.note("node %d: the overseer is killed", n.index)
	c.net.count.OverseerCrashes++
	n.bus.crash()
	c.net.clock.After(virtual.Between(c.crash, 20*time.Millisecond, 2*time.Second), func() {
		if !n.off {
			n.bus.start()
		}
	})
}

func (c *chaos) crashPlugin() {
	n := c.node()
	if n.crash != nil {
		c.note("node %d: the plugin is killed", n.index)
		c.net.count.PluginCrashes++
		n.crash()
	}
}

func (c *chaos) hangProcess() {
	n := c.node()
	if i := n.processes[c.crash.IntN(len(n.processes))].running; i != nil {
		d := virtual.Between(c.crash, 100*time.Millisecond, 6*time.Second)
		c.note("node %d: %s hangs for %v", n.index, i.of.name, d)
		c.net.count.Hangs++
		i.hang(d)
	}
}

// partition cuts some nodes off from the others for a while: in both directions, in one, or only some of the links between.
func (c *chaos) partition() {
	kind, nodes := c.cut.IntN(3), len(c.net.nodes)
	side := make([]bool, nodes)
	for range 1 + c.cut.IntN(max(1, nodes/2)) {
		side[c.cut.IntN(nodes)] = true
	}
	var blocked [][2]int
	for from := range nodes {
		for to := range nodes {
			cut := from != to && side[from] != side[to]
			switch kind {
			case 1:
				cut = cut && side[from]
			case 2:
				cut = cut && c.cut.IntN(2) == 0
			}
			if cut {
				blocked = append(blocked, [2]int{from, to})
			}
		}
	}
	c.note("partition of kind %d: %v", kind, side)
	c.net.count.Partitions++
	c.cuts++
	for _, b := range blocked {
		c.net.wire.Block(b[0], b[1], true)
	}
	c.net.clock.After(virtual.Between(c.cut, 100*time.Millisecond, 8*time.Second), func() {
		if c.cuts--; c.cuts == 0 {
			c.net.wire.Heal()
		}
	})
}

// diskFault fails writes and syncs now and then. It draws from the disk's own role, so that it shifts nothing else.
func (c *chaos) diskFault(op simdisk.Op) error {
	switch op.Kind {
	case simdisk.Write, simdisk.Sync, simdisk.SyncDir, simdisk.Create, simdisk.Rename:
		if virtual.Chance(c.net.disks, c.net.plan.diskFaults) {
			c.net.count.DiskFaults++
			return syscall.EIO
		}
	}
	return nil
}

// heal ends all faults: the network is whole and honest, disks work, what is down comes up by itself, or is started by its operator where
// it has died too often for that.
func (c *chaos) heal() {
	c.healed = true
	c.note("healed")
	c.net.wire.Heal()
	c.net.wire.Faults.Loss, c.net.wire.Faults.Repeat, c.net.wire.Faults.Reorder, c.net.wire.Faults.Late = 0, 0, 0, 0
	for _, n := range c.net.nodes {
		n.disk.SetFault(nil)
		if i := n.running("vm"); i != nil && i.crashes >= crashLoop {
			c.note("node %d: the operator restarts the VM's host", n.index)
			i.kill()
		}
	}
}
