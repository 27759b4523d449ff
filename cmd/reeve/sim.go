package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// simOptions are the flags of reeve sim.
type simOptions struct {
	cfg      sim.Config
	seeds    int
	seed     uint64
	trace    bool
	parallel int
	bad      string
}

func (a *app) simCommand() *cobra.Command {
	var o simOptions
	c := &cobra.Command{
		Use: "sim", Short: "Simulate whole networks with faults, from seeds, and check what must always hold", Args: takes(cobra.NoArgs),
		Long: `Every seed is one network of validators in one thread and in virtual time. It runs the code that production runs; network,
disks and plugin are simulated, and break: loss, delay, reordering, repetition, partitions, crashes of processes and machines, lying
voters. Then all heals, and every transaction must become final everywhere.

The same seed does the same on every machine. A seed that fails is run again with --seed S --trace, which writes everything that
happens to standard error. Exit code 5: an invariant didn't hold, or a network stood still.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.simulate(cmd, o) },
	}
	f := c.Flags()
	f.IntVar(&o.seeds, "seeds", 20, "how many seeds to run, from 1 on")
	f.IntVar(&o.cfg.Validators, "validators", 0, "size of the network; 0: 5 to 13, by seed")
	f.Uint64Var(&o.seed, "seed", 0, "run this seed alone, or begin with it when --seeds is given too")
	f.BoolVar(&o.trace, "trace", false, "write everything that happens to standard error")
	f.DurationVar(&o.cfg.Duration, "faults-for", 20*time.Second, "how long faults happen, in virtual time")
	f.DurationVar(&o.cfg.Heal, "heal-within", 2*time.Minute, "how long a healed network may take to settle, in virtual time")
	f.Uint64Var(&o.cfg.Heights, "heights", 0, "stop when all nodes have accepted so many blocks; 0: when the time is over")
	f.BoolVar(&o.cfg.Calm, "calm", false, "no faults")
	f.StringVar(&o.bad, "known-bad", "", "use parameters that are known to be bad, which must be found out: 3-of-5 or 15-of-20")
	f.IntVar(&o.parallel, "parallel", runtime.GOMAXPROCS(0), "how many seeds to run at once")
	return c
}

// simGC lets the heap of a simulation grow, which is small, before it is collected: that saves a seventh of the time.
const simGC = 400

func (a *app) simulate(cmd *cobra.Command, o simOptions) error {
	o.cfg.Bad = sim.Bad(o.bad)
	debug.SetGCPercent(simGC)
	if err := o.check(); err != nil {
		return usage(err)
	}
	if o.trace {
		o.cfg.Trace, o.parallel = a.err, 1
	}
	report := sim.Suite(cmd.Context(), o.cfg, o.list(cmd.Flags().Changed("seed"), cmd.Flags().Changed("seeds")), o.parallel, func(out sim.Outcome) {
		a.sayOutcome(out, o)
	})
	if err := a.show(report, func(t *table) { simRows(t, report) }); err != nil {
		return err
	}
	if cmd.Context().Err() != nil {
		return cmd.Context().Err()
	}
	if report.Failed() {
		return errcode.New(errcode.SimViolation, "Run a seed that failed again with --seed S --trace to see what happened.", nil,
			"%d invariants didn't hold and %d networks stood still", len(report.Violations), len(report.Stuck))
	}
	return nil
}

func (o *simOptions) check() error {
	switch {
	case o.seeds < 1:
		return fmt.Errorf("--seeds is %d, it should be at least 1", o.seeds)
	case o.cfg.Validators < 0 || o.cfg.Validators > 1000:
		return fmt.Errorf("--validators is %d, it should be 1 to 1000, or 0", o.cfg.Validators)
	case o.cfg.Bad != "" && o.cfg.Bad != sim.ThreeOfFive && o.cfg.Bad != sim.FifteenOfTwenty:
		return fmt.Errorf("--known-bad is %q, it should be %s or %s", o.bad, sim.ThreeOfFive, sim.FifteenOfTwenty)
	}
	return nil
}

// list is which seeds to run.
func (o *simOptions) list(first, many bool) (seeds []uint64) {
	from, count := uint64(1), o.seeds
	if first {
		from = o.seed
		if !many {
			count = 1
		}
	}
	for i := range count {
		seeds = append(seeds, from+uint64(i))
	}
	return seeds
}

// sayOutcome tells of a seed that failed, and how to see why.
func (a *app) sayOutcome(out sim.Outcome, o simOptions) {
	for _, v := range out.Violations {
		a.say("seed %d: %s at %s: %s", out.Seed, v.Invariant, v.At, v.What)
	}
	if out.Stuck != "" {
		a.say("seed %d: stuck: %s", out.Seed, out.Stuck)
	}
	if len(out.Violations) > 0 || out.Stuck != "" {
		a.say("  again, with a trace: %s", o.replay(out.Seed))
	}
}

// replay is the command that runs one seed again with a trace.
func (o *simOptions) replay(seed uint64) string {
	s := fmt.Sprintf("reeve sim --seed %d --validators %d --faults-for %s --heal-within %s", seed, o.cfg.Validators, o.cfg.Duration, o.cfg.Heal)
	if o.cfg.Heights > 0 {
		s += fmt.Sprintf(" --heights %d", o.cfg.Heights)
	}
	if o.cfg.Calm {
		s += " --calm"
	}
	if o.bad != "" {
		s += " --known-bad " + o.bad
	}
	return s + " --trace"
}

func simRows(t *table, r sim.Report) {
	f := r.Faults
	for _, row := range [][2]any{
		{"seeds", r.Seeds}, {"violations", len(r.Violations)}, {"stuck", len(r.Stuck)}, {"heights", r.Heights}, {"transactions", r.Transactions},
		{"virtual time", time.Duration(r.Virtual * float64(time.Second)).Round(time.Second)}, {"steps", r.Steps}, {"seconds", fmt.Sprintf("%.1f", r.Seconds)},
		{"frames", fmt.Sprintf("%d sent, %d lost, %d repeated, %d reordered, %d blocked", f.Sent, f.Lost, f.Repeated, f.Reordered, f.Blocked)},
		{"crashes", fmt.Sprintf("%d processes, %d machines, %d overseers, %d plugins, %d hangs", f.ProcessCrashes, f.PowerCuts, f.OverseerCrashes, f.PluginCrashes, f.Hangs)},
		{"other faults", fmt.Sprintf("%d partitions, %d of disks, %d lies", f.Partitions, f.DiskFaults, f.Lies)},
		{"trace hash", r.TraceHash},
	} {
		t.row(row[0], row[1])
	}
}
