package sim

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/store/disk/simdisk"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/memnet"
)

// World is everything of one run.
type World struct {
	Config Config
	Seed   uint64
	Clock  *virtual.Scheduler
	// Timing may be changed by the scenario's Builder.
	Timing  Timing
	Network *memnet.Network
	Nodes   []*Node
	// Healed: faults have ended.
	Healed bool
	// Violations are the invariants that didn't hold so far.
	Violations []Violation

	scenario   Scenario
	on         []string // the faults that happen
	ends       []func() // end them
	stuck      string
	faults     counters
	progress   counters
	count      counts
	diskFaults bool
	parted     int // partitions that haven't healed
}

// NewWorld makes a world without nodes, in which nothing has happened yet. Run makes its own.
func NewWorld(cfg Config, seed uint64) *World {
	w := &World{Config: cfg, Seed: seed, Clock: virtual.New(), faults: counters{}, progress: counters{}}
	w.count = newCounts(w)
	w.Timing = drawTiming(w.RNG("timing"))
	if cfg.Trace != nil {
		w.Clock.Trace.Out = cfg.Trace
		w.Clock.Trace.At = func() string { return fmt.Sprintf("%12.6f", w.Clock.Elapsed().Seconds()) }
	}
	return w
}

// RNG is the source of randomness of one role in this run.
func (w *World) RNG(role string, numbers ...int) *rand.Rand {
	return virtual.RNG(w.Seed, role, numbers...)
}

// Key is 32 bytes that the seed and a role determine.
func (w *World) Key(role string, numbers ...int) [32]byte {
	return virtual.Key(w.Seed, role, numbers...)
}

// Fault is the counter of something that goes wrong.
func (w *World) Fault(name string) *uint64 { return w.faults.counter(name) }

// Progress is the counter of something that is achieved.
func (w *World) Progress(name string) *uint64 { return w.progress.counter(name) }

// AddNode adds a machine to the world. It starts when the run does.
func (w *World) AddNode(id primitives.NodeID) *Node {
	index := len(w.Nodes)
	n := &Node{
		World: w, Index: index, ID: id, Disk: simdisk.New(w.RNG("disk", index).Uint64()),
		rng: w.RNG("machine", index), log: w.logger(index),
	}
	w.Nodes = append(w.Nodes, n)
	return n
}

// build lets the scenario fill the world, joins its nodes to a network and gives them their processes.
func (w *World) build(scenario Builder) error {
	var err error
	if w.scenario, err = scenario(w); err != nil {
		return err
	}
	var ids []primitives.NodeID
	for _, n := range w.Nodes {
		ids = append(ids, n.ID)
		if err := n.equip(); err != nil {
			return err
		}
	}
	var streams [nb.Lanes]bool
	for _, lane := range w.scenario.Streams {
		streams[lane] = true
	}
	w.Network = memnet.New(memnet.Config{
		Scheduler: w.Clock, RNG: w.RNG("network"), Nodes: ids, Delay: w.delay(len(ids)),
		Streams: streams, Tap: w.scenario.Tap, Describe: w.scenario.Describe,
	})
	return nil
}

// delay draws the way between every two nodes once.
func (w *World) delay(nodes int) func(from, to int) time.Duration {
	rng := w.RNG("delays")
	table := make([]time.Duration, nodes*nodes)
	for i := range table {
		table[i] = virtual.Between(rng, w.Timing.Near, w.Timing.Far)
	}
	return func(from, to int) time.Duration { return table[from*nodes+to] }
}

// Others are the addresses of the other nodes.
func (w *World) Others(self *Node) (list []nb.Address) {
	for _, n := range w.Nodes {
		if n != self {
			list = append(list, nb.Address{Node: n.ID, At: []string{"/memory/" + n.ID.Short()}})
		}
	}
	return list
}

// Logs tells whether somebody reads the trace.
func (w *World) Logs() bool { return w.Clock.Trace.Logs() }

// Note writes a line into the readable trace.
func (w *World) Note(format string, args ...any) {
	if w.Logs() {
		w.Clock.Trace.Logf("sim  %s", fmt.Sprintf(format, args...))
	}
}

// logger is where a node's processes log.
func (w *World) logger(index int) *slog.Logger {
	if w.Config.Trace == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(stamped{w}, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})).With("node", index)
}

// stamped puts the virtual time before each line of a log.
type stamped struct{ w *World }

func (s stamped) Write(b []byte) (int, error) {
	if _, err := io.WriteString(s.w.Config.Trace, s.w.Clock.Trace.At()+" log  "); err != nil {
		return 0, err
	}
	return s.w.Config.Trace.Write(b)
}
