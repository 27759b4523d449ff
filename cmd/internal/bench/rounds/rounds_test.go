package rounds

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMain lets this test binary be the session that the tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "session" {
		_ = Serve(os.Stdin, os.Stdout, echo)
		return
	}
	os.Exit(m.Run())
}

// echo costs as many nanoseconds as the payload has bytes; "fail" fails and "die" ends the process.
func echo(order Order) Result {
	switch order.Op {
	case "fail":
		return Result{Error: "as ordered"}
	case "die":
		os.Exit(1)
	}
	return Result{Op: order.Op, Size: order.Size, N: order.N, P50: float64(order.Size)}
}

func start(t *testing.T) *Session {
	t.Helper()
	session, err := Start("echo", os.Args[0], "session")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Stop)
	return session
}

func TestASessionPlaysRoundsOneAfterTheOther(t *testing.T) {
	session := start(t)
	for _, size := range []int{64, 1024} {
		got, err := session.Play(Order{Op: "ask", Size: size, N: 7})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Result{Op: "ask", Size: size, N: 7, P50: float64(size)}, got); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestAFailedRoundIsAnErrorAndTheSessionGoesOn(t *testing.T) {
	session := start(t)
	if _, err := session.Play(Order{Op: "fail"}); err == nil || !strings.Contains(err.Error(), "as ordered") {
		t.Fatalf("got %v", err)
	}
	if _, err := session.Play(Order{Op: "ask", Size: 1}); err != nil {
		t.Fatal(err)
	}
}

func TestASessionThatDiesEndsTheRoundWithItsName(t *testing.T) {
	session := start(t)
	if _, err := session.Play(Order{Op: "die"}); err == nil || !strings.Contains(err.Error(), "echo ended") {
		t.Fatalf("got %v", err)
	}
}

func TestALineThatIsNoOrderIsAnsweredWithAnError(t *testing.T) {
	var out strings.Builder
	if err := Serve(strings.NewReader("dance\n{\"op\":\"ask\"}\n"), &out, echo); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "not an order") || strings.Contains(lines[1], "error") {
		t.Fatal(out.String())
	}
}

func TestTheClockOfAnotherProcessAdvancesWithItsWork(t *testing.T) {
	session := start(t)
	clocks := ClocksOf([]int{session.command.Process.Pid})
	before := TotalCPU(clocks)
	for TotalCPU(clocks) < before+time.Millisecond {
		if _, err := session.Play(Order{Op: "ask", Size: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if gone := TotalCPU(ClocksOf([]int{1 << 22})); gone != 0 {
		t.Fatalf("a process that doesn't exist used %v", gone)
	}
}
