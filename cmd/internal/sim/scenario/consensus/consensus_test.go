package consensus

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/validatornet"
	"github.com/reevenet/reeve/cmd/internal/sim/simtest"
)

// brief is a run that is short enough for a test and long enough for faults.
var brief = sim.Config{Duration: 8 * time.Second}

func fails(t *testing.T, out sim.Outcome) {
	t.Helper()
	for _, v := range out.Violations {
		t.Errorf("seed %d: %s at %s: %s", v.Seed, v.Invariant, v.At, v.What)
	}
	if out.Stuck != "" {
		t.Errorf("seed %d: stuck: %s", out.Seed, out.Stuck)
	}
}

func TestACalmNetworkFinalisesEverything(t *testing.T) {
	out := sim.Run(sim.Config{Nodes: 4, Duration: 5 * time.Second, Calm: true}, New(Config{}), 1)
	fails(t, out)
	if out.Progress["transactions"] < 5 || out.Progress["heights"] < 2 {
		t.Errorf("%+v", out.Progress)
	}
}

func TestOneValidatorAloneFinalises(t *testing.T) {
	out := sim.Run(sim.Config{Nodes: 1, Duration: 3 * time.Second, Calm: true}, New(Config{}), 1)
	fails(t, out)
	if out.Progress["heights"] == 0 {
		t.Error("it accepted nothing")
	}
}

// Twenty networks in which everything breaks, and then heals.
func TestNothingThatMustHoldBreaksUnderFaults(t *testing.T) {
	simtest.Once(t)
	var seeds []uint64
	for seed := range uint64(20) {
		seeds = append(seeds, 1+seed)
	}
	each := func(out sim.Outcome) { fails(t, out) }
	r := sim.Suite(t.Context(), brief, New(Config{}), seeds, runtime.GOMAXPROCS(0), each)
	t.Logf("%v, %.0f virtual seconds, %d steps in %.1f s; %v", r.Progress, r.Virtual, r.Steps, r.Seconds, r.Faults)
	for _, follows := range []string{"exits", "watchdog", "quarantined"} { // no faults but what follows from them
		delete(r.Faults, follows)
	}
	for what, n := range r.Faults {
		if n == 0 {
			t.Errorf("there were no %s: the run proves nothing about them", what)
		}
	}
}

// A seed with many kinds of faults, for the tests of repetition.
const busy = 12

func TestTheSameSeedDoesTheSame(t *testing.T) {
	want := sim.Run(brief, New(Config{}), busy)
	for _, cores := range []int{1, 2} {
		before := runtime.GOMAXPROCS(cores)
		got := sim.Run(brief, New(Config{}), busy)
		runtime.GOMAXPROCS(before)
		if got.TraceHash != want.TraceHash || got.Steps != want.Steps {
			t.Errorf("with %d cores the trace is %s after %d steps, before %s after %d",
				cores, got.TraceHash, got.Steps, want.TraceHash, want.Steps)
		}
	}
	if other := sim.Run(brief, New(Config{}), busy+1); other.TraceHash == want.TraceHash {
		t.Error("another seed has the same trace")
	}
}

// Who signs twice is seen in another order by each node; what comes of it is the same in every run.
func TestTheSameLiarsDoTheSame(t *testing.T) {
	cfg := sim.Config{Nodes: 13, Duration: 5 * time.Second, Only: []string{"liars", "jitter", "partition"}}
	want := sim.Run(cfg, New(Config{Lies: []Lie{Equivocate}}), 4)
	if got := sim.Run(cfg, New(Config{Lies: []Lie{Equivocate}}), 4); got.TraceHash != want.TraceHash {
		t.Error("one seed has two traces")
	}
}

func TestAnotherBuildDoesTheSame(t *testing.T) {
	simtest.AnotherBuild(t, func() string { return sim.Run(brief, New(Config{}), busy).TraceHash })
}

func TestATraceTellsWhatHappened(t *testing.T) {
	var log strings.Builder
	calm := sim.Config{Nodes: 4, Duration: 4 * time.Second, Calm: true}
	watched := calm
	watched.Trace = &log
	out := sim.Run(watched, New(Config{}), 1)
	fails(t, out)
	for _, want := range []string{"chain kv: node 0 accepted 1 ", "chits", "log  level=INFO", "healed"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the trace has no %q", want)
		}
	}
	if quiet := sim.Run(calm, New(Config{}), 1); quiet.TraceHash != out.TraceHash {
		t.Error("being watched changes what happens")
	}
}

// Plugins die so often that their hosts give up on all of them. Then it needs somebody to start them again, and all
// goes on.
func TestVMsThatDiedTooOftenGoOnWhenTheirOperatorsStartThem(t *testing.T) {
	dying := func(net *network) {
		often := net.World.Repeated("plugin", 200*time.Millisecond, 200*time.Millisecond, net.crashPlugin)
		often.Always = true
		net.faults = []sim.Fault{often}
	}
	out := sim.Run(sim.Config{Nodes: 4, Duration: 8 * time.Second, Calm: true}, New(Config{tune: dying}), 1)
	fails(t, out)
	if out.Faults["pluginCrashes"] < 4*validatornet.CrashLoop || out.Progress["transactions"] == 0 {
		t.Errorf("%v and %v", out.Faults, out.Progress)
	}
}
