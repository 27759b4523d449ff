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
		w.Repeated("overseer", time.Second, 10*time.Second, w.crashOverseer),
		w.Repeated("hang", 2*time.Second, 10*time.Second, w.hangProcess),
		{Name: "disk", Begin: w.failDisks, End: func() { w.eachDisk(nil) }},
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
	w.Note("node %d: power cut", n.Index)
	*w.count.powerCuts++
	n.powerCut(virtual.Between(r, 100*time.Millisecond, 4*time.Second))
}

func (w *World) crashOverseer(r *rand.Rand) {
	n := w.Any(r)
	if n.off || n.bus.Core == nil {
		return
	}
	w.Note("node %d: the overseer is killed", n.Index)
	*w.count.overseers++
	n.bus.crash()
	w.Clock.After(virtual.Between(r, 20*time.Millisecond, 2*time.Second), func() {
		if !n.off {
			n.bus.start()
		}
	})
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
	now := 0
	f := w.Repeated("partition", time.Second, 8*time.Second, func(r *rand.Rand) {
		*w.count.partitions++
		now++
		w.partition(r)
		w.Clock.After(virtual.Between(r, 100*time.Millisecond, 8*time.Second), func() {
			if now--; now == 0 {
				w.Network.Heal()
			}
		})
	})
	f.End = w.Network.Heal
	return f
}

// partition cuts nodes off: in both directions, in one, or only some of the links between.
func (w *World) partition(r *rand.Rand) {
	kind, nodes := r.IntN(3), len(w.Nodes)
	side := make([]bool, nodes)
	for range 1 + r.IntN(max(1, nodes/2)) {
		side[r.IntN(nodes)] = true
	}
	w.Note("partition of kind %d: %v", kind, side)
	for from := range nodes {
		for to := range nodes {
			cut := from != to && side[from] != side[to]
			switch kind {
			case 1:
				cut = cut && side[from]
			case 2:
				cut = cut && r.IntN(2) == 0
			}
			if cut {
				w.Network.Block(from, to, true)
			}
		}
	}
}

// counts are the counters of the common faults, and of what processes and overseers do about them.
type counts struct {
	processes, powerCuts, overseers, hangs, partitions, disks *uint64
	exits, watchdog, quarantined                              *uint64
}

func newCounts(w *World) counts {
	return counts{
		processes: w.Fault("processCrashes"), powerCuts: w.Fault("powerCuts"), overseers: w.Fault("overseerCrashes"),
		hangs: w.Fault("hangs"), partitions: w.Fault("partitions"), disks: w.Fault("diskFaults"),
		exits: w.Fault("exits"), watchdog: w.Fault("watchdog"), quarantined: w.Fault("quarantined"),
	}
}
