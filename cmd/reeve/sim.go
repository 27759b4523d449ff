package main

import (
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/consensus"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/parachain"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// simOptions are the flags of reeve sim.
type simOptions struct {
	cfg      sim.Config
	scenario string
	heights  uint64
	lies     []string
	bad      string
	dieAt    []string
	seeds    int
	seed     uint64
	trace    bool
	parallel int
	shrink   bool
	costs    bool
}

// simScenario is what can be simulated.
type simScenario struct {
	build func(*simOptions) sim.Builder
	lies  []string
	bad   []string // its controls
}

// consensusScenario is what is simulated when nothing else is said.
const consensusScenario = "consensus"

var simScenarios = map[string]simScenario{
	consensusScenario: {
		build: func(o *simOptions) sim.Builder {
			return consensus.New(consensus.Config{
				Heights: o.heights, Lies: named[consensus.Lie](o.lies), Bad: consensus.Bad(o.bad),
			})
		},
		lies: words(consensus.Lies), bad: consensus.BadNames(),
	},
	"parachain": {
		build: func(o *simOptions) sim.Builder {
			return parachain.New(parachain.Config{
				Blocks: o.heights, Lies: named[parachain.Lie](o.lies), Bad: parachain.Bad(o.bad),
			})
		},
		lies: words(parachain.Lies), bad: parachain.BadNames(),
	},
}

// eachScenario says something of each scenario, in a flag's description.
func eachScenario(what func(simScenario) []string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(simScenarios)) {
		list = append(list, name+": "+strings.Join(what(simScenarios[name]), ", "))
	}
	return strings.Join(list, "; ")
}

func (a *app) simCommand() *cobra.Command {
	var o simOptions
	c := &cobra.Command{
		Use: "sim", Short: "Simulate whole networks with faults, from seeds, and check what must always hold",
		Args: takes(cobra.NoArgs),
		Long: `Every seed is one network of validators in one thread and in virtual time. It runs the code that
production runs; network, disks and plugin are simulated, and break: loss, delay, reordering, repetition, partitions,
crashes of processes and machines, lying voters. Then all heals, and every transaction must become final everywhere.

The same seed does the same on every machine. The first seed that fails is run again with fewer faults, for a shorter
time and with fewer validators, and the smallest command that still fails is printed. With --trace it writes
everything that happens to standard error. Exit code 5: an invariant didn't hold, or a network stood still.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.simulate(cmd, o) },
	}
	c.Flags().AddFlagSet(o.flags())
	return c
}

func (o *simOptions) flags() *pflag.FlagSet {
	f := pflag.NewFlagSet("sim", pflag.ContinueOnError)
	f.StringVar(&o.scenario, "scenario", consensusScenario,
		"what is simulated: "+strings.Join(slices.Sorted(maps.Keys(simScenarios)), " or "))
	f.IntVar(&o.seeds, "seeds", 20, "how many seeds to run, from 1 on")
	f.IntVar(&o.cfg.Nodes, "validators", 0, "size of the network; 0: by seed")
	f.Uint64Var(&o.seed, "seed", 0, "run this seed alone, or begin with it when --seeds is given too")
	f.BoolVar(&o.trace, "trace", false, "write everything that happens to standard error")
	f.DurationVar(&o.cfg.Duration, "faults-for", 20*time.Second, "how long faults happen, in virtual time")
	f.DurationVar(&o.cfg.Heal, "heal-within", 2*time.Minute,
		"how long a healed network may take to settle, in virtual time")
	f.Uint64Var(&o.heights, "heights", 0,
		"stop when all nodes have accepted so many blocks; 0: when the time is over")
	f.BoolVar(&o.cfg.Calm, "calm", false, "no faults")
	f.StringSliceVar(&o.cfg.Only, "only-faults", nil,
		"the kinds of faults that may happen, of those that a seed turns on; none: no kind")
	f.StringSliceVar(&o.lies, "lies", nil, "the ways in which liars may lie; empty: any. "+
		eachScenario(func(s simScenario) []string { return s.lies }))
	f.StringSliceVar(&o.dieAt, "die-at", nil,
		"where a process dies: NODE/PROCESS/sends/N, as soon as it has sent N messages, or NODE/PROCESS/handles/N")
	f.StringVar(&o.bad, "known-bad", "", "run a network that is known to be bad, which must be found out. "+
		eachScenario(func(s simScenario) []string { return s.bad }))
	f.BoolVar(&o.costs, "costs", false,
		"with --scenario parachain: what a node sends for each relay block, by kind, in calm networks of growing size")
	f.BoolVar(&o.shrink, "shrink", true, "look for the smallest command that fails as the first seed that failed did")
	f.IntVar(&o.parallel, "parallel", runtime.GOMAXPROCS(0), "how many seeds to run at once")
	return f
}

// simGC lets the heap of a simulation grow, which is small, before it is collected: that saves a seventh of the time.
const simGC = 400

func (a *app) simulate(cmd *cobra.Command, o simOptions) error {
	debug.SetGCPercent(simGC)
	if err := o.check(); err != nil {
		return usage(err)
	}
	if o.costs {
		return a.simulatedCosts(o)
	}
	if o.trace {
		o.cfg.Trace, o.parallel = a.err, 1
	}
	report := simReport{}
	seeds := o.list(cmd.Flags().Changed("seed"), cmd.Flags().Changed("seeds"))
	scenario := simScenarios[o.scenario].build(&o)
	report.Report = sim.Suite(cmd.Context(), o.cfg, scenario, seeds, o.parallel, func(out sim.Outcome) {
		if !out.Failed() {
			return
		}
		a.sayFailure(out, o)
		if o.shrink && report.Smallest == "" {
			cfg, _ := sim.Shrink(cmd.Context(), o.cfg, scenario, out)
			report.Smallest = o.command(out.Seed, cfg)
			a.say("  the smallest that still fails so: %s", report.Smallest)
		}
	})
	report.take()
	if err := a.show(report, func(t *table) { simRows(t, report) }); err != nil {
		return err
	}
	if cmd.Context().Err() != nil {
		return cmd.Context().Err()
	}
	if report.Failed() {
		return errcode.New(errcode.SimViolation, "Run the command above with --trace to see what happened.", nil,
			"%d invariants didn't hold and %d networks stood still", len(report.Violations), len(report.Stuck))
	}
	return nil
}

func (o *simOptions) check() error {
	switch {
	case o.seeds < 1:
		return fmt.Errorf("--seeds is %d, it should be at least 1", o.seeds)
	case o.cfg.Nodes < 0 || o.cfg.Nodes > 1000:
		return fmt.Errorf("--validators is %d, it should be 1 to 1000, or 0", o.cfg.Nodes)
	}
	s, known := simScenarios[o.scenario]
	if !known {
		return fmt.Errorf("--scenario is %q, there are %s", o.scenario,
			strings.Join(slices.Sorted(maps.Keys(simScenarios)), ", "))
	}
	if o.bad != "" && !slices.Contains(s.bad, o.bad) {
		return fmt.Errorf("--known-bad: there is no control %q; there are %s", o.bad, strings.Join(s.bad, ", "))
	}
	for _, lie := range o.lies {
		if !slices.Contains(s.lies, lie) {
			return fmt.Errorf("--lies has %q, the lies are %s", lie, strings.Join(s.lies, ", "))
		}
	}
	if err := o.readPoints(); err != nil {
		return err
	}
	return o.checkFaults(s)
}

func (o *simOptions) readPoints() error {
	o.cfg.Points = nil
	for _, text := range o.dieAt {
		p, err := sim.ParsePoint(text)
		if err != nil {
			return fmt.Errorf("--die-at: %w", err)
		}
		o.cfg.Points = append(o.cfg.Points, p)
	}
	return nil
}

func words[T ~string](all []T) (list []string) {
	for _, w := range all {
		list = append(list, string(w))
	}
	return list
}

func named[T ~string](names []string) (list []T) {
	for _, n := range names {
		list = append(list, T(n))
	}
	return list
}

// noFaults is what --only-faults says when no kind may happen.
const noFaults = "none"

func (o *simOptions) checkFaults(s simScenario) error {
	if slices.Equal(o.cfg.Only, []string{noFaults}) {
		o.cfg.Only = []string{}
	}
	kinds, err := sim.Kinds(s.build(&simOptions{}))
	if err != nil {
		return err
	}
	for _, kind := range o.cfg.Only {
		if !slices.Contains(kinds, kind) {
			return fmt.Errorf("--only-faults has %q, the kinds are %s, or %s for none of them",
				kind, strings.Join(kinds, ", "), noFaults)
		}
	}
	return nil
}

// simReport is what reeve sim prints. Its JSON is a contract with scripts: fields are only ever added.
type simReport struct {
	sim.Report
	Heights      uint64 `json:"heights"`      // accepted, over all seeds
	Transactions uint64 `json:"transactions"` // final, over all seeds
	// Of parachains: candidates that were backed and included, and transfers in included blocks, over all seeds.
	Backed    uint64 `json:"backed,omitempty"`
	Included  uint64 `json:"included,omitempty"`
	Transfers uint64 `json:"transfers,omitempty"`
	// Smallest is the smallest command that fails as the first seed that failed did.
	Smallest string `json:"smallest,omitempty"`
}

func (r *simReport) take() {
	p := r.Progress
	r.Heights, r.Transactions = p["heights"], p["transactions"]
	r.Backed, r.Included, r.Transfers = p["backed"], p["included"], p["transfers"]
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

// sayFailure says what is wrong with a seed, and how to see why.
func (a *app) sayFailure(out sim.Outcome, o simOptions) {
	for _, v := range out.Violations {
		a.say("seed %d: %s at %s: %s", out.Seed, v.Invariant, v.At, v.What)
	}
	if out.Stuck != "" {
		a.say("seed %d: stuck: %s", out.Seed, out.Stuck)
	}
	a.say("  again, with a trace: %s --trace", o.command(out.Seed, o.cfg))
}

// command is the command that runs one seed again.
func (o *simOptions) command(seed uint64, cfg sim.Config) string {
	s := fmt.Sprintf("reeve sim --seed %d --validators %d --faults-for %s --heal-within %s",
		seed, cfg.Nodes, cfg.Duration, cfg.Heal)
	if o.scenario != consensusScenario {
		s += " --scenario " + o.scenario
	}
	if o.heights > 0 {
		s += fmt.Sprintf(" --heights %d", o.heights)
	}
	if cfg.Calm {
		s += " --calm"
	}
	if cfg.Only != nil {
		s += " --only-faults " + cmp.Or(strings.Join(cfg.Only, ","), noFaults)
	}
	if len(o.lies) > 0 {
		s += " --lies " + strings.Join(o.lies, ",")
	}
	for _, p := range cfg.Points {
		s += " --die-at " + p.String()
	}
	if o.bad != "" {
		s += " --known-bad " + o.bad
	}
	return s
}

func simRows(t *table, r simReport) {
	f := r.Faults
	for _, row := range [][2]any{
		{"seeds", r.Seeds}, {"violations", len(r.Violations)}, {"stuck", len(r.Stuck)},
		{"heights", r.Heights}, {"transactions", r.Transactions},
		{"candidates", fmt.Sprintf("%d backed, %d included, %d transfers", r.Backed, r.Included, r.Transfers)},
		{"virtual time", time.Duration(r.Virtual * float64(time.Second)).Round(time.Second)},
		{"steps", r.Steps}, {"seconds", fmt.Sprintf("%.1f", r.Seconds)},
		{"frames", fmt.Sprintf("%d sent, %d lost, %d repeated, %d reordered, %d blocked",
			f["sent"], f["lost"], f["repeated"], f["reordered"], f["blocked"])},
		{"crashes", fmt.Sprintf("%d processes, %d machines, %d overseers, %d plugins, %d hangs",
			f["processCrashes"], f["powerCuts"], f["overseerCrashes"], f["pluginCrashes"], f["hangs"])},
		{"other faults", fmt.Sprintf("%d partitions, %d of disks, %d set clocks, %d of them far, %d lies",
			f["partitions"], f["diskFaults"], f["clockJumps"], f["clocksAstray"], f["lies"])},
		{"trace hash", r.TraceHash},
	} {
		t.row(row[0], row[1])
	}
}
