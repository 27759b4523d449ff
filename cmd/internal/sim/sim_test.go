package sim

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// brief is a run that is short enough for a test and long enough for faults.
var brief = Config{Duration: 8 * time.Second}

func fails(t *testing.T, out Outcome) {
	t.Helper()
	for _, v := range out.Violations {
		t.Errorf("seed %d: %s at %s: %s", v.Seed, v.Invariant, v.At, v.What)
	}
	if out.Stuck != "" {
		t.Errorf("seed %d: stuck: %s", out.Seed, out.Stuck)
	}
}

func TestACalmNetworkFinalisesEverything(t *testing.T) {
	out := Run(Config{Validators: 4, Duration: 5 * time.Second, Calm: true}, 1)
	fails(t, out)
	if out.Final < 5 || out.Height < 2 {
		t.Errorf("%d transactions at height %d", out.Final, out.Height)
	}
}

func TestOneValidatorAloneFinalises(t *testing.T) {
	out := Run(Config{Validators: 1, Duration: 3 * time.Second, Calm: true}, 1)
	fails(t, out)
	if out.Height == 0 {
		t.Error("it accepted nothing")
	}
}

// Twenty networks in which everything breaks, and then heals.
func TestNothingThatMustHoldBreaksUnderFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("a network is one thread: the pass that looks for races would learn nothing from many")
	}
	var seeds []uint64
	for seed := range uint64(20) {
		seeds = append(seeds, 1+seed)
	}
	r := Suite(t.Context(), brief, seeds, runtime.GOMAXPROCS(0), func(out Outcome) { fails(t, out) })
	t.Logf("%d heights, %d transactions, %.0f virtual seconds, %d steps in %.1f s; %+v", r.Heights, r.Transactions, r.Virtual, r.Steps, r.Seconds, r.Faults)
	f := r.Faults
	for what, n := range map[string]int{
		"killed processes": f.ProcessCrashes, "power cuts": f.PowerCuts, "killed overseers": f.OverseerCrashes, "killed plugins": f.PluginCrashes,
		"hanging processes": f.Hangs, "partitions": f.Partitions, "disk faults": f.DiskFaults, "lies": f.Lies,
		"lost frames": int(f.Lost), "repeated frames": int(f.Repeated), "reordered frames": int(f.Reordered), "blocked frames": int(f.Blocked),
	} {
		if n == 0 {
			t.Errorf("there were no %s: the run proves nothing about them", what)
		}
	}
}

// A seed with many kinds of faults, for the tests of repetition.
const busy = 12

func TestTheSameSeedDoesTheSame(t *testing.T) {
	want := Run(brief, busy)
	for _, cores := range []int{1, 2} {
		before := runtime.GOMAXPROCS(cores)
		got := Run(brief, busy)
		runtime.GOMAXPROCS(before)
		if got.TraceHash != want.TraceHash || got.Steps != want.Steps {
			t.Errorf("with %d cores the trace is %s after %d steps, before %s after %d", cores, got.TraceHash, got.Steps, want.TraceHash, want.Steps)
		}
	}
	if other := Run(brief, busy+1); other.TraceHash == want.TraceHash {
		t.Error("another seed has the same trace")
	}
}

// traceFile, in the environment, makes this test binary write the trace hash of the busy seed there.
const traceFile = "REEVE_SIM_TRACE_FILE"

// Another build of the same code, in a process of its own, does the same too: nothing depends on addresses, on the order of maps, or
// on how the binary was linked.
func TestAnotherBuildDoesTheSame(t *testing.T) {
	if path := os.Getenv(traceFile); path != "" {
		if err := os.WriteFile(path, []byte(Run(brief, busy).TraceHash), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if testing.Short() {
		t.Skip("it builds a binary")
	}
	binary, result := filepath.Join(t.TempDir(), "other.test"), filepath.Join(t.TempDir(), "hash")
	if out, err := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	other := exec.Command(binary, "-test.run=^TestAnotherBuildDoesTheSame$")
	other.Env = append(os.Environ(), traceFile+"="+result, "GOMAXPROCS=1")
	if out, err := other.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := os.ReadFile(result)
	if err != nil {
		t.Fatal(err)
	}
	if want := Run(brief, busy).TraceHash; string(got) != want {
		t.Errorf("the other build's trace is %s, this one's %s", got, want)
	}
}

func TestATraceTellsWhatHappened(t *testing.T) {
	var log strings.Builder
	out := Run(Config{Validators: 4, Duration: 4 * time.Second, Calm: true, Trace: &log}, 1)
	fails(t, out)
	for _, want := range []string{"chain 0: accepted 1 ", "chits", "log  level=INFO", "healed"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the trace has no %q", want)
		}
	}
	if quiet := Run(Config{Validators: 4, Duration: 4 * time.Second, Calm: true}, 1); quiet.TraceHash != out.TraceHash {
		t.Error("being watched changes what happens")
	}
}

// Plugins die so often that their hosts give up on all of them. Then it needs somebody to start them again, and all goes on.
func TestVMsThatDiedTooOftenGoOnWhenTheirOperatorsStartThem(t *testing.T) {
	dying := Config{Validators: 4, Duration: 8 * time.Second, Calm: true, tune: func(p *plan) { p.pluginCrash = 200 * time.Millisecond }}
	out := Run(dying, 1)
	fails(t, out)
	if out.Count.PluginCrashes < 4*crashLoop || out.Final == 0 {
		t.Errorf("%d plugins died and %d transactions became final", out.Count.PluginCrashes, out.Final)
	}
}
