// Package sim runs a whole network of validators in one thread, in virtual time, from a seed, and breaks everything that can break: links,
// processes, machines, overseers, plugins, disks, and the honesty of some validators.
//
// What runs is the code that production runs: per node one overseer core and, for each subsystem, the SDK's own loop around the
// service's own handler; every message between them is encoded, routed, credited and redelivered by the bus. The world is replaced
// at three ports only: the bridge's transport (package simnet), the disks (simdisk, memdb) and the plugin process (kvvm as a Go
// value). While it runs, and after everything has healed, it checks what must always hold: see the invariants in check.go.
//
// The same seed does the same on every machine: a trace hash over everything that happened proves it, and a failing seed can be
// run again with a readable trace.
package sim

import (
	"fmt"
	"io"
	"runtime/debug"
	"time"
)

// Config says what to run.
type Config struct {
	// Validators is the size of the network; 0: 5 to 13, drawn from the seed.
	Validators int
	// Duration is how long faults happen, in virtual time; 0: 20 s.
	Duration time.Duration
	// Heal is how long a healed network may take to settle everything; 0: 2 minutes. Longer is stuck.
	Heal time.Duration
	// Heights, when set, ends the run once every node has accepted so many blocks.
	Heights uint64
	// Calm turns all faults off.
	Calm bool
	// Bad runs parameters that are known to be bad; the run must then fail.
	Bad Bad
	// Trace takes a readable log of everything.
	Trace io.Writer

	tune func(*plan) // for tests: the last word about a plan
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
	Validators int
	Violations []Violation
	// Stuck says what was still undecided long after everything had healed; empty: nothing.
	Stuck string
	// TraceHash is over everything that happened.
	TraceHash string
	Steps     uint64
	Height    uint64
	Final     int // transactions
	Virtual   time.Duration
	Count     Count
}

// Run runs one seed.
func Run(cfg Config, seed uint64) (out Outcome) {
	cfg = cfg.withDefaults()
	net, err := newNetwork(cfg, seed)
	if err != nil {
		return Outcome{Seed: seed, Violations: []Violation{{Seed: seed, Invariant: "setup", What: err.Error()}}}
	}
	defer func() {
		if p := recover(); p != nil {
			net.violate("panic", fmt.Sprintf("%v\n%s", p, debug.Stack()))
			out = net.outcome()
		}
	}()
	net.run()
	return net.outcome()
}

// run lets the faults happen, heals, and waits until everything is settled.
func (net *network) run() {
	for _, n := range net.nodes {
		net.clock.After(0, n.boot)
	}
	net.watch()
	net.clock.After(net.plan.quiet, net.users.start)
	net.chaos.start()
	failed := func() bool { return len(net.violations) > 0 }
	net.clock.Run(net.plan.duration, func() bool { return failed() || net.reached() })
	net.chaos.heal()
	net.users.closed = true
	limit := net.clock.Elapsed() + net.cfg.Heal
	net.clock.Run(limit, func() bool { return failed() || net.settled() })
	if !failed() {
		net.stuck = net.unsettled()
	}
}
