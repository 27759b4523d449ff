package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Each kind of test, with real processes and so short that it is run often.
func TestShortRunsOfEachKind(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some twenty processes five times")
	}
	dir := t.TempDir()
	for out, pkg := range map[string]string{
		"reeve": "../reeve", "plugins/kvvm": "../../vmhost/kvvm/cmd/kvvm",
		"plugins/relayvm": "../../vmhost/relayvm/cmd/relayvm",
	} {
		build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, out), pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", pkg, err, text)
		}
	}
	guest := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-o", filepath.Join(dir, "paras/ledger.wasm"),
		"../../services/collator/ledger/validation")
	guest.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := guest.CombinedOutput(); err != nil {
		t.Fatalf("building the example parachain: %v\n%s", err, text)
	}
	t.Setenv("TMPDIR", dir)
	f := &flags{program: filepath.Join(dir, "reeve"), validators: 4, chain: "kv", rate: 50,
		seed: uint64(time.Now().UnixNano())}
	t.Logf("seed %d", f.seed)
	t.Run("a single validator", func(t *testing.T) {
		f.single, f.pause = 8, 300*time.Millisecond
		if err := f.runSingle(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("every process of a network of one, killed and crashed", func(t *testing.T) {
		one := *f
		one.validators, one.rounds, one.pause = 1, 1, 10*time.Millisecond
		if err := one.runKills(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("a blackout", func(t *testing.T) {
		f.blackout, f.lag = 1, 500*time.Millisecond
		if err := f.runBlackouts(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("a liar", func(t *testing.T) {
		f.kinds, f.lasts, f.share = "equivocate", 1500*time.Millisecond, 0
		if err := f.runByzantine(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("a liar among parachain hosts", func(t *testing.T) {
		host := *f
		host.parachain, host.kinds, host.lasts, host.share = true, "equivocate", 3*time.Second, 0
		if err := host.runHostLies(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
