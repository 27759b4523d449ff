package bus

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/reevenet/reeve/cmd/internal/bench/rounds"
)

// TestMain lets this test binary play every process of a measurement.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "role" {
		if err := PlayRole(context.Background(), []string{"role"}, os.Args[2:], os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func start(t *testing.T) *rounds.Session {
	t.Helper()
	session, err := rounds.Start("reeve", "/proc/self/exe", "role", roleAsker, filepath.Join(t.TempDir(), "bus.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Stop)
	return session
}

func TestRoundsGoOverARealBus(t *testing.T) {
	session := start(t)
	for _, order := range []rounds.Order{{Op: "ask", Size: 64, N: 20}, {Op: "flood", Size: 64, N: 30_000},
		{Op: "flood", Size: 1024, N: 100}, {Op: "ask", Size: 65536, N: 5}, {Op: "signal", Size: 1, N: 3}} {
		result, err := session.Play(order)
		if err != nil {
			t.Fatal(err)
		}
		if result.CPU <= 0 || result.PerSecond <= 0 || order.Op != "flood" && result.P50 <= 0 {
			t.Errorf("%+v", result)
		}
	}
}

func TestAStoppedConsumerLeavesTheOthersAlone(t *testing.T) {
	result, err := start(t).Play(rounds.Order{Op: "stalled", Size: 64, N: 200})
	if err != nil {
		t.Fatal(err)
	}
	if result.P99 <= 0 || result.Bytes <= 0 || result.Bound <= 0 {
		t.Errorf("%+v", result)
	}
}

func TestOrdersThatMakeNoSenseAreRefused(t *testing.T) {
	for _, order := range []rounds.Order{{Op: "ask", Size: 0, N: 1}, {Op: "ask", Size: 1},
		{Op: "ask", Size: maxPayload + 1, N: 1}, {Op: "dance", Size: 1, N: 1}} {
		if result := (&session{}).play(order); result.Error == "" {
			t.Errorf("%+v was played", order)
		}
	}
}

func TestAnUnknownRoleIsRefused(t *testing.T) {
	for _, args := range [][]string{nil, {"asker"}, {"dancer", "socket"}, {roleListener, "socket"}} {
		if err := PlayRole(t.Context(), nil, args, nil, nil); err == nil {
			t.Errorf("%v was played", args)
		}
	}
}

func TestTheWholeTableComesFromOneRun(t *testing.T) {
	peers := filepath.Join(os.Getenv("REEVE_BIN"), "peerbench")
	if _, err := os.Stat(peers); err != nil {
		t.Skip("the peers are not built: set REEVE_BIN to where make put them")
	}
	doc, err := Run(t.Context(), Config{Self: []string{"role"}, Peers: peers, Rounds: 1, Progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range doc.Rows {
		if row.Ours <= 0 || row.Peer <= 0 || row.Ratio <= 0 {
			t.Errorf("%+v", row)
		}
	}
	if err := doc.WriteTable(t.Output()); err != nil {
		t.Fatal(err)
	}
}
