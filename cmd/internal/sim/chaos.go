package sim

import (
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
)

// commonFaults are those of every network of machines, whatever runs on them.
func (w *World) commonFaults() []Fault {
	net := &w.Network.Faults
	return []Fault{
		share("loss", &net.Loss, 0.3),
		share("repeat", &net.Repeat, 0.3),
		share("reorder", &net.Reorder, 0.3),
		share("late", &net.Late, 0.1),
		{Name: "jitter", Begin: func(r *rand.Rand) {
			net.Jitter = virtual.Between(r, time.Millisecond, 100*time.Millisecond)
		}},
		w.partitions(),
		w.Repeated("process", 500*time.Millisecond, 5*time.Second, w.crashProcess),
		w.Repeated("power", time.Second, 10*time.Second, w.cutPower),
		w.Repeated("site", 4*time.Second, 20*time.Second, w.CutSite),
		w.Repeated("overseer", time.Second, 10*time.Second, w.crashOverseer),
		w.Repeated("hang", 2*time.Second, 10*time.Second, w.hangProcess),
		{Name: "disk", Begin: w.failDisks, End: func() { w.eachDisk(nil) }},
		{Name: "clocks", Begin: w.setClocks},
		w.Repeated("jumps", 500*time.Millisecond, 5*time.Second, w.jumpClock),
		w.points(),
	}
}

// share is a fault of the network that befalls a share of the frames.
func share(name string, rate *float64, most float64) Fault {
	return Fault{Name: name, Begin: func(r *rand.Rand) { *rate = r.Float64() * most }, End: func() { *rate = 0 }}
}

// anyProcess draws a process; nil where that one is down.
func (w *World) anyProcess(r *rand.Rand) *Incarnation {
	n := w.Any(r)
	return n.processes[r.IntN(len(n.processes))].running
}

func (w *World) crashProcess(r *rand.Rand) {
	if i := w.anyProcess(r); i != nil {
		w.Note("node %d: %s is killed", i.Node.Index, i)
		*w.count.processes++
		i.Kill()
	}
}

// Kill kills a node's processes of a subsystem, if they run.
func (n *Node) Kill(subsystem string) {
	for _, p := range n.processes {
		if p.name == subsystem && p.running != nil {
			n.World.Note("node %d: %s is killed", n.Index, p.id)
			*n.World.count.processes++
			p.running.Kill()
		}
	}
}

func (w *World) hangProcess(r *rand.Rand) {
	if i := w.anyProcess(r); i != nil {
		d := virtual.Between(r, 100*time.Millisecond, 6*time.Second)
		w.Note("node %d: %s hangs for %v", i.Node.Index, i, d)
		*w.count.hangs++
		i.hang(d)
	}
}

func (w *World) cutPower(r *rand.Rand) {
	n := w.Any(r)
	n.CutPower(virtual.Between(r, 100*time.Millisecond, 4*time.Second))
}

// CutPower cuts a machine's power for a while.
func (n *Node) CutPower(off time.Duration) {
	n.World.Note("node %d: power cut", n.Index)
	*n.World.count.powerCuts++
	n.powerCut(off)
}

// CutSite cuts the power of all machines at one moment. They come back one by one, some of them late.
func (w *World) CutSite(r *rand.Rand) {
	w.Note("power cut of the whole site")
	*w.count.sites++
	for _, n := range w.Nodes {
		off := virtual.Between(r, 100*time.Millisecond, 4*time.Second)
		if r.IntN(4) == 0 {
			off = virtual.Between(r, 4*time.Second, 20*time.Second)
		}
		n.powerCut(off)
	}
}

// Bounds of the clocks of machines. That two nodes' clocks are at most proposer.MaxSkew apart is what operators are
// told to see to; that no fork follows where they don't is another matter.
const (
	maxOffset = 5 * time.Second
	maxDrift  = 100 // millionths
)

// setClocks sets the clocks of machines apart, for good.
func (w *World) setClocks(r *rand.Rand) {
	most := virtual.Between(r, 10*time.Millisecond, maxOffset)
	for _, n := range w.Nodes {
		*w.count.clocks++
		n.watch = virtual.Watch{Offset: virtual.Between(r, -most, most), Drift: int64(r.IntN(2*maxDrift+1) - maxDrift)}
	}
}

// jumpClock sets a running machine's clock forwards or back.
func (w *World) jumpClock(r *rand.Rand) {
	w.Any(r).SetClock(virtual.Between(r, -maxOffset, maxOffset))
}

// SetClock sets a machine's clock, while it runs, to so much ahead.
func (n *Node) SetClock(ahead time.Duration) {
	n.World.Note("node %d: the clock is set from %v to %v", n.Index, n.watch.Offset, ahead)
	*n.World.count.jumps++
	n.watch.Offset = ahead
}

func (w *World) crashOverseer(r *rand.Rand) {
	n := w.Any(r)
	if n.off || n.bus.Core == nil {
		return
	}
	w.Note("node %d: the overseer is killed", n.Index)
	*w.count.overseers++
	n.bus.crash()
	n.bus.restart(virtual.Between(r, 20*time.Millisecond, 2*time.Second))
}

// failDisks fails writes and syncs now and then.
func (w *World) failDisks(r *rand.Rand) {
	rate := r.Float64() * 0.02
	w.diskFaults = true
	w.eachDisk(func(op simdisk.Op) error {
		switch op.Kind {
		case simdisk.Write, simdisk.Sync, simdisk.SyncDir, simdisk.Create, simdisk.Rename:
			if virtual.Chance(r, rate) {
				*w.count.disks++
				return syscall.EIO
			}
		}
		return nil
	})
}

func (w *World) eachDisk(f simdisk.Fault) {
	for _, n := range w.Nodes {
		n.Disk.SetFault(f)
	}
}

// partitions cuts some nodes off from the others, each time for a while.
func (w *World) partitions() Fault {
	f := w.Repeated("partition", time.Second, 8*time.Second, func(r *rand.Rand) {
		w.Part(virtual.Between(r, 100*time.Millisecond, 8*time.Second), w.partition(r))
	})
	f.End = w.Network.Heal
	return f
}

// Part lets nothing through for a while on the ways that cut names. When several partitions overlap all of them heal
// with the last.
func (w *World) Part(during time.Duration, cut func(from, to int) bool) {
	*w.count.partitions++
	w.parted++
	for from := range w.Nodes {
		for to := range w.Nodes {
			if from != to && cut(from, to) {
				w.Network.Block(from, to, true)
			}
		}
	}
	w.Clock.After(during, func() {
		if w.parted--; w.parted == 0 {
			w.Network.Heal()
		}
	})
}

// partition draws who is cut off: in both directions, in one, or only some of the links between.
func (w *World) partition(r *rand.Rand) (cut func(from, to int) bool) {
	kind, nodes := r.IntN(3), len(w.Nodes)
	side := make([]bool, nodes)
	for range 1 + r.IntN(max(1, nodes/2)) {
		side[r.IntN(nodes)] = true
	}
	w.Note("partition of kind %d: %v", kind, side)
	return func(from, to int) bool {
		switch between := side[from] != side[to]; kind {
		case 1:
			return between && side[from]
		case 2:
			return between && r.IntN(2) == 0
		default:
			return between
		}
	}
}

// counts are the counters of the common faults, and of what processes and overseers do about them.
type counts struct {
	processes, powerCuts, sites, overseers, hangs, partitions, disks, clocks, points *uint64
	jumps, exits, watchdog, quarantined                                              *uint64
}

func newCounts(w *World) counts {
	return counts{
		processes: w.Fault("processCrashes"), powerCuts: w.Fault("powerCuts"), overseers: w.Fault("overseerCrashes"),
		hangs: w.Fault("hangs"), partitions: w.Fault("partitions"), disks: w.Fault("diskFaults"),
		sites: w.Fault("siteCuts"), clocks: w.Fault("clocksApart"), points: w.Fault("crashPoints"),
		jumps: w.Fault("clockJumps"), exits: w.Fault("exits"),
		watchdog: w.Fault("watchdog"), quarantined: w.Fault("quarantined"),
	}
}
