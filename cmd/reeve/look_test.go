package main

import (
	"bytes"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/internal/process/supervise"
)

func mailbox(messages, bytes uint64, queued float64) []gateway.Mailbox {
	return []gateway.Mailbox{{
		Subsystem: "engine", Waiting: 1, Instances: []gateway.Instance{{Queued: 2, InFlight: 3}},
		Lanes: []gateway.Lane{{Name: "consensus", Messages: messages, Bytes: bytes, QueuedSeconds: queued}},
	}}
}

func TestTopShowsRatesOfAnInterval(t *testing.T) {
	got := compare(mailbox(100, 1000, 1), mailbox(300, 5000, 1.002), 2*time.Second)
	want := []traffic{{Subsystem: "engine", Lane: "consensus", MessagesPerSecond: 100, BytesPerSecond: 2000,
		QueuedMicros: 10, Waiting: 3, InFlight: 3}}
	near := cmp.Comparer(func(a, b float64) bool { return a-b < 1e-6 && b-a < 1e-6 })
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Error(diff)
	}
	// The overseer was restarted and counts from zero.
	if got := compare(mailbox(300, 5000, 1), mailbox(10, 100, 0.001), time.Second); got[0].MessagesPerSecond != 10 {
		t.Errorf("after a restart: %+v", got)
	}
}

func TestALogIsFollowedByWholeLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine.log")
	f := &logFile{name: "v1/engine", path: path}
	var out bytes.Buffer
	step := func(content, want string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		out.Reset()
		if err := f.printNew(&out); err != nil || out.String() != want {
			t.Errorf("printed %q, want %q, %v", out.String(), want, err)
		}
	}
	step("one\ntw", "v1/engine  one\n")
	step("one\ntwo\n", "v1/engine  two\n")
	step("new\n", "v1/engine  new\n") // it was set aside and begins anew
}

func TestProgressSaysWhoIsReadyOnce(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	p.began = time.Now().Add(-time.Second)
	s := &devnet.Status{Nodes: []devnet.NodeStatus{{Name: "v1", Cause: "engine: starting"}, {Name: "v2", Ready: true}}}
	p.update(s)
	p.update(s)
	if got := out.String(); got != "  v2   ready after 1.0 s, 0 processes\n" {
		t.Errorf("got %q", got)
	}
}

func TestADeathIsTold(t *testing.T) {
	var out bytes.Buffer
	var starting atomic.Bool
	notice := (&app{err: &out}).notices(&starting)
	notice(supervise.Status{Name: "v1/engine", State: supervise.Running})
	notice(supervise.Status{Name: "v1/engine", State: supervise.Running, Restarts: 1, Cause: "killed by signal 9",
		Process: proc.Identity{PID: 7}})
	notice(supervise.Status{Name: "v1/engine", State: supervise.Quarantined, Restarts: 5, Cause: "exited with code 1"})
	want := "  v1/engine: killed by signal 9; running again as process 7\n  v1/engine is left alone: exited with code 1\n"
	if out.String() != want {
		t.Errorf("got %q", out.String())
	}
	starting.Store(true)
	notice(supervise.Status{Name: "v1/engine", State: supervise.Quarantined, Restarts: 5, Cause: "exited with code 1"})
	if out.String() != want {
		t.Errorf("while it starts, what the command ends with is said twice: %q", out.String())
	}
}
