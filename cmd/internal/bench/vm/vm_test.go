package vm

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/bench/bus"
	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
	"github.com/reevenet/reeve/vmhost/database"
)

// TestMain lets this test binary play every process of a measurement.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "role" {
		play := bus.PlayRole
		if Plays(os.Args[2]) {
			play = PlayRole
		}
		if err := play(context.Background(), []string{"role"}, os.Args[2:], os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestAReadThatFindsNothingFailsTheRound(t *testing.T) {
	if r := reads(database.Nothing, rounds.Order{Op: "local", N: 1}); r.Error == "" {
		t.Fatalf("%+v", r)
	}
}

func TestEveryKeyOfAFilledStoreIsRead(t *testing.T) {
	db, err := filled(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if r := reads(db, rounds.Order{Op: "local", N: 500}); r.Error != "" || r.P50 <= 0 || r.PerSecond <= 0 {
		t.Fatalf("%+v", r)
	}
}

func TestACycleIsItsSteps(t *testing.T) {
	c := cycle{build: 1, verify: 2, prefer: 3, accept: 4}
	var sum time.Duration
	for _, step := range []string{"build", "verify", "prefer", "accept"} {
		sum += c.of(step)
	}
	if sum != c.of("block") || sum != 10 {
		t.Fatalf("steps %d, block %d", sum, c.of("block"))
	}
}

func TestUnknownRolesAreRefused(t *testing.T) {
	for _, args := range [][]string{nil, {"vm-host"}, {"vm-dancer", t.TempDir(), "plugin"}} {
		if err := PlayRole(t.Context(), nil, args, nil, nil); err == nil {
			t.Errorf("%v was played", args)
		}
	}
}

func TestTheWholeTableComesFromOneRun(t *testing.T) {
	bin := os.Getenv("REEVE_BIN")
	plugin, minimal := filepath.Join(bin, "plugins", "kvvm"), filepath.Join(bin, "minimalplugin")
	for _, path := range []string{plugin, minimal} {
		if _, err := os.Stat(path); err != nil {
			t.Skip("a plugin is not built: set REEVE_BIN to where make put them")
		}
	}
	doc, err := Run(t.Context(),
		Config{Self: []string{"role"}, Plugin: plugin, Minimal: minimal, Rounds: 1, Progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range doc.Rows {
		if row.Ours <= 0 || row.PeerName != "" && row.Ratio <= 0 {
			t.Errorf("%+v", row)
		}
	}
}
