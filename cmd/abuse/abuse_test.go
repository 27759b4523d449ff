package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/abuse"
	"github.com/reevenet/reeve/cmd/internal/devnet"
)

// One attack at each door, with real processes and so short that it is run often: nothing ends, nothing grows more than
// it may, and the honest client is served. How long that takes says nothing on a machine that runs other tests.
func TestAShortAttackAtEachDoorIsWithstood(t *testing.T) {
	names, lasts := []string{"ancestors", "header-bomb", "silent-connections"}, 2*time.Second
	if testing.Short() {
		names, lasts = names[:1], time.Second
	}
	dir := t.TempDir()
	for out, pkg := range map[string]string{
		"reeve": "../reeve", "plugins/kvvm": "../../vmhost/kvvm/cmd/kvvm", "abuse": ".",
	} {
		build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, out), pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", pkg, err, text)
		}
	}
	t.Setenv("TMPDIR", dir)
	var attacks []abuse.Attack
	for _, name := range names {
		a, err := abuse.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		attacks = append(attacks, a)
	}
	n, err := devnet.NewThrowaway(filepath.Join(dir, "reeve"), 4, false)
	if err != nil {
		t.Fatal(err)
	}
	report, err := abuse.Run(t.Context(), abuse.Options{
		Network: n, Chain: "kv", Attacks: attacks, For: lasts, Calm: time.Second,
		Attacker: []string{filepath.Join(dir, "abuse"), attackArgument}, Out: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Rows {
		if len(r.Faults) > 0 {
			t.Errorf("%s: %q", r.Attack, r.Faults)
		}
		if r.Put == 0 || r.Failed == r.Put {
			t.Errorf("%s: %d of %d honest transactions weren't final in time", r.Attack, r.Failed, r.Put)
		}
		if a := r.Achieved; a.Opened == 0 || a.Bytes == 0 {
			t.Errorf("%s: nothing was done: %v", r.Attack, a)
		}
	}
	if len(report.Rows) != len(names) {
		t.Errorf("%d of %d attacks were made", len(report.Rows), len(names))
	}
}

func TestAttacksAreChosenByNameOrByItsBeginning(t *testing.T) {
	floods, err := (&flags{only: "flood-*,pings"}).attacks()
	if err != nil || len(floods) < 20 || floods[len(floods)-1].Name != "pings" {
		t.Errorf("%d attacks, %v", len(floods), err)
	}
	if _, err := (&flags{only: "pings,nothing"}).attacks(); err == nil {
		t.Error("an attack that there isn't is made")
	}
}
