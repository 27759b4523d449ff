// Package sim is the engine of simulations: it runs a network of whole nodes in one thread, in virtual time, from a
// seed, and breaks everything that can break: links, processes, machines, overseers, disks. It knows no consensus and
// no VM; a Scenario says which parts the nodes have, who acts, what else may break, and what must hold.
//
// What runs is the code that production runs: per node one overseer core and, for each subsystem, the SDK's own loop
// around the service's own handler; every message between them is encoded, routed, credited and redelivered by the
// bus. Only the ports are simulated: the bridge's transport (memnet) and the disks (simdisk) here, others by the
// scenario.
//
// The same seed does the same on every machine: a trace hash over everything that happened proves it, and a failing
// seed can be shrunk, and run again with a readable trace.
package sim

import (
	"fmt"
	"io"
	"runtime/debug"
	"time"
)

// Config says what to run.
type Config struct {
	// Nodes is the size of the network; 0: the scenario draws it.
	Nodes int
	// Duration is how long faults happen, in virtual time; 0: 20 s.
	Duration time.Duration
	// Heal is how long a healed network may take to settle everything; 0: 2 minutes. Longer is stuck.
	Heal time.Duration
	// Calm turns all faults off.
	Calm bool
	// Only are the kinds of faults that may happen, by name; nil: all. It turns none on that the seed doesn't.
	Only []string
	// Points are where processes die, besides what the seed turns on.
	Points []Point
	// Trace takes a readable log of everything.
	Trace io.Writer
}

func (c Config) withDefaults() Config {
	if c.Duration == 0 {
		c.Duration = 20 * time.Second
	}
	if c.Heal == 0 {
		c.Heal = 2 * time.Minute
	}
	return c
}

// Violation is an invariant that didn't hold.
type Violation struct {
	Seed      uint64 `json:"seed"`
	Invariant string `json:"invariant"`
	// At is the virtual time since the beginning.
	At string `json:"at"`
	// What happened, in words.
	What string `json:"what,omitempty"`
}

// Outcome is what became of one seed.
type Outcome struct {
	Seed       uint64
	Nodes      int
	Violations []Violation
	// Stuck says what was still unsettled long after everything had healed; empty: nothing.
	Stuck string
	// TraceHash is over everything that happened.
	TraceHash string
	Steps     uint64
	Virtual   time.Duration
	// On are the kinds of faults that the seed turned on.
	On []string
	// Faults counts what went wrong, the proof that faults were injected. Progress counts what was achieved.
	Faults, Progress Counts
}

// Failed tells whether anything is wrong.
func (o *Outcome) Failed() bool { return len(o.Violations) > 0 || o.Stuck != "" }

// failure is what is wrong first, in a word; empty: nothing.
func (o *Outcome) failure() string {
	switch {
	case len(o.Violations) > 0:
		return o.Violations[0].Invariant
	case o.Stuck != "":
		return "stuck"
	}
	return ""
}

// Run runs one seed of a scenario.
func Run(cfg Config, scenario Builder, seed uint64) (out Outcome) {
	w := NewWorld(cfg.withDefaults(), seed)
	defer func() {
		if p := recover(); p != nil {
			w.Violate("panic", "%v\n%s", p, debug.Stack())
			out = w.outcome()
		}
	}()
	err := w.build(scenario)
	if err == nil {
		err = w.place()
	}
	if err != nil {
		w.Violate("setup", "%v", err)
		return w.outcome()
	}
	w.run()
	return w.outcome()
}

// run lets the faults happen, heals, and waits until everything is settled.
func (w *World) run() {
	w.beginFaults()
	for _, n := range w.Nodes {
		w.Clock.After(0, n.boot)
	}
	w.watch()
	for _, a := range w.scenario.Actors {
		a.Start()
	}
	w.until(w.Config.Duration, w.scenario.Done)
	w.heal()
	for _, a := range w.scenario.Actors {
		a.Close()
	}
	w.until(w.Clock.Elapsed()+w.Config.Heal, func() bool { return w.scenario.Unsettled() == "" })
	if !w.failed() {
		w.stuck = w.scenario.Unsettled()
	}
	for _, n := range w.Nodes {
		for _, p := range n.processes {
			p.running.checkAsks()
		}
	}
}

// pollEvery is how often a run looks whether it is done.
const pollEvery = 5 * time.Millisecond

// until runs up to a virtual time, or until done, or until an invariant doesn't hold.
func (w *World) until(end time.Duration, done func() bool) {
	for now := w.Clock.Elapsed(); now < end && !w.failed() && !done(); now = w.Clock.Elapsed() {
		w.Clock.Run(min(end, now+pollEvery), w.failed)
	}
}

func (w *World) outcome() Outcome {
	if n := w.Network; n != nil {
		for name, count := range map[string]uint64{
			"sent": n.Count.Sent, "lost": n.Count.Lost, "repeated": n.Count.Repeated, "reordered": n.Count.Reordered,
			"blocked": n.Count.Blocked, "broken": n.Count.Broken,
		} {
			w.faults[name] = &count
		}
	}
	return Outcome{
		Seed: w.Seed, Nodes: len(w.Nodes), Violations: w.Violations, Stuck: w.stuck,
		TraceHash: w.Clock.Trace.Sum(), Steps: w.Clock.Steps(), Virtual: w.Clock.Elapsed(),
		On: w.on, Faults: w.faults.values(), Progress: w.progress.values(),
	}
}

// Counts are numbers by name. Each that can be counted is there, even if it is zero.
type Counts map[string]uint64

func (c Counts) add(o Counts) {
	for name, n := range o {
		c[name] += n
	}
}

// counters are Counts that are still counted.
type counters map[string]*uint64

func (c counters) counter(name string) *uint64 {
	if c[name] == nil {
		c[name] = new(uint64)
	}
	return c[name]
}

func (c counters) values() Counts {
	values := make(Counts, len(c))
	for name, n := range c {
		values[name] = *n
	}
	return values
}

// Violate notes that an invariant doesn't hold. The run ends.
func (w *World) Violate(invariant, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	w.Note("VIOLATION of %s: %s", invariant, what)
	v := Violation{Seed: w.Seed, Invariant: invariant, At: w.Clock.Elapsed().String(), What: what}
	w.Violations = append(w.Violations, v)
}

func (w *World) failed() bool { return len(w.Violations) > 0 }
