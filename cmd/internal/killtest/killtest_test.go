package killtest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/supervise"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

func network(pids ...int) *devnet.Status {
	names := []string{"engine", "vmhost", "plugin"}
	parents := []string{"", "", "vmhost"}
	s := &devnet.Status{}
	for i, node := range []string{"v1", "v2"} {
		n := devnet.NodeStatus{Name: node}
		for j, name := range names {
			n.Processes = append(n.Processes,
				devnet.ProcessStatus{Name: name, PID: pids[i*len(names)+j], Parent: parents[j]})
		}
		s.Nodes = append(s.Nodes, n)
	}
	return s
}

func TestAProcessThatShouldNotHaveMovedIsNamed(t *testing.T) {
	before := network(1, 2, 3, 11, 12, 13)
	for _, c := range []struct {
		kind  string
		after *devnet.Status
		want  []string
	}{
		{"engine", network(91, 2, 3, 11, 12, 13), nil},
		{"vmhost", network(1, 92, 93, 11, 12, 13), nil}, // the plugin is its child
		{"plugin", network(1, 92, 93, 11, 12, 13), []string{"v1/vmhost 2→92"}},
		{"engine", network(91, 2, 3, 11, 12, 93), []string{"v2/plugin 13→93"}},
		{"engine", network(91, 2, 3, 81, 12, 0), []string{"v2/engine 11→81", "v2/plugin 13→0"}},
	} {
		if diff := cmp.Diff(c.want, moved(before, c.after, "v1", c.kind)); diff != "" {
			t.Errorf("%s: %s", c.kind, diff)
		}
	}
}

func TestNoProcessIsKilledSoOftenThatItIsLeftAlone(t *testing.T) {
	began := time.Unix(0, 0)
	r := &runner{}
	for i := range supervise.DefaultPolicy.Intensity {
		at := began.Add(time.Duration(i) * time.Second)
		if wait := r.spare("v1", "engine", at); wait != 0 {
			t.Fatalf("kill %d has to wait for %v", i, wait)
		}
		r.kills = append(r.kills, kill{Node: "v1", Kind: "engine", At: at, Back: time.Second},
			kill{Node: "v1", Kind: "vmhost", At: at}, kill{Node: "v2", Kind: "engine", At: at})
	}
	now := began.Add(10 * time.Second)
	if wait, want := r.spare("v1", "engine", now), supervise.DefaultPolicy.Window-9*time.Second; wait != want {
		t.Errorf("one more has to wait for %v, want %v: until the first death doesn't count any more", wait, want)
	}
	if wait := r.spare("v3", "engine", now); wait != 0 {
		t.Errorf("another process has to wait for %v", wait)
	}
}

func TestPercentiles(t *testing.T) {
	var list []time.Duration
	for i := range 100 {
		list = append(list, time.Duration(100-i)*time.Second)
	}
	if p50, p99, all := at(list, 50), at(list, 99), at(list, 100); p50 != 50 || p99 != 99 || all != 100 {
		t.Errorf("p50 %v, p99 %v, most %v", p50, p99, all)
	}
	if at(nil, 99) != 0 {
		t.Error("of nothing")
	}
}

func TestTheWatcherSeesGapsAndConflicts(t *testing.T) {
	w := &watcher{blocks: map[uint64]primitives.Hash{}, begun: make(chan struct{})}
	w.accepted("v1", kv.Block{Height: 1, ID: primitives.Hash{1}})
	w.accepted("v2", kv.Block{Height: 1, ID: primitives.Hash{1}})
	w.last = w.last.Add(-time.Minute) // a minute passes
	w.accepted("v2", kv.Block{Height: 2, ID: primitives.Hash{2}})
	w.accepted("v1", kv.Block{Height: 3, ID: primitives.Hash{3}})
	if w.gap < time.Minute || w.gap > 2*time.Minute || len(w.conflicts) != 0 {
		t.Errorf("gap %v, conflicts %v", w.gap, w.conflicts)
	}
	w.accepted("v1", kv.Block{Height: 2, ID: primitives.Hash{22}})
	if len(w.conflicts) != 1 {
		t.Errorf("two blocks at height 2 went unnoticed: %v", w.conflicts)
	}
}

func TestABrokenBoundIsAFault(t *testing.T) {
	rep := &Report{}
	rep.bound("a", 2.9, 3*time.Second)
	if len(rep.Faults) != 0 {
		t.Errorf("%v", rep.Faults)
	}
	rep.bound("a", 3.1, 3*time.Second)
	if len(rep.Faults) != 1 {
		t.Errorf("%v", rep.Faults)
	}
}

func TestALiarThatSlowsTheOthersOrGetsAwayIsAFault(t *testing.T) {
	r := &ByzantineReport{Phases: []Phase{
		{Kind: calm, PerSecond: 90}, {Kind: "silent", PerSecond: 75}, {Kind: "wait", PerSecond: 69},
		{Kind: "equivocate", PerSecond: 100, Evidence: 3}, {Kind: "flatter", PerSecond: 100},
		{Kind: calm, PerSecond: 110},
	}}
	r.judge(0.7)
	want := []Fault{
		"wait: 0.69 of the calm rate, it should be 0.70 at least", "flatter: not all honest nodes can prove it",
	}
	if diff := cmp.Diff(want, r.Faults); diff != "" {
		t.Error(diff)
	}
	if s := r.Phases[3].Share; s != 1 {
		t.Errorf("as fast as a calm network on the average: %v", s)
	}
}

func TestWhatSeveralRunsFoundIsAddedUp(t *testing.T) {
	var f Findings
	f.fault("a")
	f.take(Findings{Posted: 3, Final: 2, Unfinished: 1, Heights: 4, Faults: append(f.Faults, "b")})
	f.take(Findings{Posted: 1, Final: 1, Heights: 1, Faults: f.Faults})
	want := Findings{Posted: 4, Final: 3, Unfinished: 1, Heights: 5, Faults: []Fault{"a", "b"}}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Error(diff)
	}
}
