package parachain

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/simtest"
)

// brief is a run that is short enough for a test and long enough for faults.
var brief = sim.Config{Duration: 5 * time.Second}

func fails(t *testing.T, out sim.Outcome) {
	t.Helper()
	for _, v := range out.Violations {
		t.Errorf("seed %d: %s at %s: %s", v.Seed, v.Invariant, v.At, v.What)
	}
	if out.Stuck != "" {
		t.Errorf("seed %d: stuck: %s", out.Seed, out.Stuck)
	}
}

func TestACalmNetworkIncludesBlocksOfEveryPara(t *testing.T) {
	out := sim.Run(sim.Config{Nodes: 4, Duration: 5 * time.Second, Calm: true}, New(Config{}), 1)
	fails(t, out)
	if p := out.Progress; p["included"] < 10 || p["transfers"] == 0 || p["timedOut"] > 0 {
		t.Errorf("%v", p)
	}
}

func TestOneValidatorAloneHasAParachain(t *testing.T) {
	out := sim.Run(sim.Config{Nodes: 1, Duration: 3 * time.Second, Calm: true}, New(Config{}), 1)
	fails(t, out)
	if out.Progress["included"] == 0 {
		t.Errorf("%v", out.Progress)
	}
}

// Networks in which everything breaks, and then heals, with liars of all kinds.
func TestNothingThatMustHoldBreaksUnderFaults(t *testing.T) {
	simtest.Once(t)
	var seeds []uint64
	for seed := range simtest.Pick[uint64](1000, 20, 20) {
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

// Every way to lie comes to nothing but what is recorded of it, and keeps nobody's blocks out for good.
func TestEveryLieComesToNothing(t *testing.T) {
	simtest.Once(t)
	recorded := map[Lie]bool{Equivocate: true, Two: true, Contradict: true, Trespass: true}
	for _, kind := range Lies {
		t.Run(string(kind), func(t *testing.T) {
			tune := func(net *network) {
				net.size, net.paras = 5, 1
				if kind == Trespass {
					net.paras = 2
				}
				net.always(net.someLiars(kind, 1))
			}
			out := sim.Run(sim.Config{Calm: true, Duration: 6 * time.Second}, New(Config{tune: tune}), 3)
			fails(t, out)
			if kind != Garbage && out.Faults["lies"] == 0 {
				t.Error("nobody has lied")
			}
			if recorded[kind] && out.Progress["reports"] == 0 {
				t.Error("nothing is recorded of it")
			}
		})
	}
}

// A seed with many kinds of faults, for the tests of repetition.
const busy = 12

func TestTheSameSeedDoesTheSame(t *testing.T) {
	simtest.Once(t)
	want := sim.Run(brief, New(Config{}), busy)
	for _, cores := range simtest.Pick([]int{1, 2, 4}, []int{1, 2}, []int{1, 2}) {
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

func TestAnotherBuildDoesTheSame(t *testing.T) {
	simtest.AnotherBuild(t, func() string { return sim.Run(brief, New(Config{}), busy).TraceHash })
}

func TestATraceTellsWhatHappened(t *testing.T) {
	simtest.Once(t)
	var log strings.Builder
	calm := sim.Config{Nodes: 4, Duration: 2 * time.Second, Calm: true}
	watched := calm
	watched.Trace = &log
	out := sim.Run(watched, New(Config{}), 1)
	fails(t, out)
	for _, want := range []string{"relay: node 0 accepted 1 ", "statements", "log  level=INFO", "healed"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the trace has no %q", want)
		}
	}
	if quiet := sim.Run(calm, New(Config{}), 1); quiet.TraceHash != out.TraceHash {
		t.Error("being watched changes what happens")
	}
}

func TestWhatNodesSendIsCounted(t *testing.T) {
	simtest.Once(t)
	bill, out := Measure(5, 6)
	fails(t, out)
	kinds := map[string]bool{}
	for _, c := range bill.Costs {
		kinds[c.Kind] = c.Frames > 0 && c.Bytes > c.Frames
	}
	for _, want := range []string{
		"consensus: polls", "consensus: votes", "statements", "bitfields", "chunks", "views",
	} {
		if !kinds[want] {
			t.Errorf("nothing of %q is counted: %v", want, bill.Costs)
		}
	}
	if bill.Paras != 1 || bill.Group != 5 || bill.Blocks != 6 || bill.Candidates == 0 || bill.Included == 0 {
		t.Errorf("%+v", bill)
	}
}
