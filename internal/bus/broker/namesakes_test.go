package broker

import (
	"testing"
	"time"
)

// Two containers of one service: their processes have the same pid, and call themselves the same unless somebody calls
// them otherwise. They are two all the same, whoever of them hangs or goes.
func TestTwoProcessesOfOnePidAreTwoInstances(t *testing.T) {
	for _, names := range [][2]string{{"single", "single"}, {"single-a", "single-b"}} {
		b, now := New(Config{Lookup: lookup}), time.Unix(1000, 0)
		var both [2]*Instance
		for n, name := range names {
			i, f := b.Attach(now, Attach{Subsystem: "single", Name: name, Class: Single, Pid: 7})
			if f != nil {
				t.Fatal(f.Message)
			}
			both[n] = i
		}
		first, second := both[0], both[1]
		if first.Name == second.Name || first.Standby || !second.Standby {
			t.Fatalf("%q, and %q stands by: %t", first.Name, second.Name, second.Standby)
		}
		for range 300 { // the first is silent
			now = now.Add(TickEvery)
			b.Heartbeat(now, second, 0, 0)
			b.Tick(now)
		}
		killed := map[*Instance]bool{}
		for _, e := range b.Events() {
			killed[e.Instance] = killed[e.Instance] || e.Kind == Kill
		}
		if !killed[first] || killed[second] {
			t.Errorf("%s is silent; ended are %v", first.Name, killed)
		}
		b.Detach(now, first, false, "it hung")
		left := b.Status().Subsystems[0].Instances
		if len(left) != 1 || left[0].Generation != second.Generation || left[0].Standby {
			t.Errorf("left is %+v", left)
		}
	}
}
