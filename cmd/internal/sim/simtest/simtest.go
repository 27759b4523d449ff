// Package simtest is what the tests of all scenarios have in common.
package simtest

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// long is for a machine that has an hour: `make longsim`.
var long = flag.Bool("long", false, "run every story with all its seeds, sizes and points")

// Pick chooses by how much time there is: for all seeds, for every change, and for the pass that looks for races.
func Pick[T any](all, usual, short T) T {
	switch {
	case *long:
		return all
	case testing.Short():
		return short
	}
	return usual
}

// Once skips what needn't be done under the race detector, too: a network is one thread, and has no races.
func Once(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a network is one thread: the pass that looks for races would learn nothing from many")
	}
}

// traceFile, in the environment, makes a test binary write a trace hash there.
const traceFile = "REEVE_SIM_TRACE_FILE"

// AnotherBuild is the whole of a test: another build of the same code, in a process of its own, comes to the same trace
// hash. Nothing depends on addresses, on the order of maps, or on how the binary was linked.
func AnotherBuild(t *testing.T, traceHash func() string) {
	t.Helper()
	if path := os.Getenv(traceFile); path != "" {
		if err := os.WriteFile(path, []byte(traceHash()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	Once(t)
	binary, result := filepath.Join(t.TempDir(), "other.test"), filepath.Join(t.TempDir(), "hash")
	if out, err := exec.Command("go", "test", "-c", "-ldflags=-s -w", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	other := exec.Command(binary, "-test.run=^"+t.Name()+"$")
	other.Env = append(os.Environ(), traceFile+"="+result, "GOMAXPROCS=1")
	if out, err := other.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := os.ReadFile(result)
	if err != nil {
		t.Fatal(err)
	}
	if want := traceHash(); string(got) != want {
		t.Errorf("the other build's trace is %s, this one's %s", got, want)
	}
}
