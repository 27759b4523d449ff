package virtual_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reevenet/reeve/overseer/overseertest/virtual"
)

func TestThingsHappenInOrderOfTimeThenOfPlanning(t *testing.T) {
	s := virtual.New()
	var got []string
	note := func(what string) func() { return func() { got = append(got, what) } }
	s.After(2*time.Second, note("third"))
	s.After(time.Second, note("first"))
	stopped := s.After(time.Second, note("never"))
	s.After(time.Second, note("second"))
	stopped.Stop()
	stopped.Stop()
	s.After(time.Minute, note("too late"))
	s.Run(3*time.Second, func() bool { return false })
	if diff := cmp.Diff([]string{"first", "second", "third"}, got); diff != "" {
		t.Error(diff)
	}
	if s.Elapsed() != 3*time.Second || s.Pending() != 1 {
		t.Errorf("at %v with %d to come", s.Elapsed(), s.Pending())
	}
}

// Whatever is planned and stopped: what happens is what wasn't stopped, sorted.
func TestTheHeapSorts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := virtual.New()
		last, happened, stopped := time.Duration(-1), 0, 0
		var timers []*virtual.Timer
		delays := rapid.SliceOfN(rapid.IntRange(0, 50), 1, 200).Draw(t, "delays")
		for _, d := range delays {
			timers = append(timers, s.After(time.Duration(d), func() {
				happened++
				if s.Elapsed() < last {
					t.Fatalf("time went back from %v to %v", last, s.Elapsed())
				}
				last = s.Elapsed()
			}))
		}
		for i := range rapid.SliceOfDistinct(rapid.IntRange(0, len(delays)-1), rapid.ID).Draw(t, "stopped") {
			timers[i].Stop()
			stopped++
		}
		for s.Step() {
		}
		if happened != len(delays)-stopped {
			t.Fatalf("%d of %d happened, %d were stopped", happened, len(delays), stopped)
		}
	})
}

func TestADeadProcessDoesNothingMore(t *testing.T) {
	s := virtual.New()
	w := s.Runtime(virtual.RNG(1, "process"), func() time.Duration { return time.Second })
	did := 0
	w.AfterFunc(time.Second, func() { did++ })
	w.Offload(func() { did++ }, func() { did++ })
	w.End()
	for s.Step() {
	}
	if did != 0 {
		t.Errorf("it did %d things", did)
	}
}

// Whatever a watch shows: it never goes back, and a timer has waited as long by it as it should, and hardly longer.
func TestWatchesAreApartAndTimersGoByThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		watch := &virtual.Watch{
			Offset: time.Duration(rapid.Int64Range(-10e9, 10e9).Draw(t, "offset")),
			Drift:  rapid.Int64Range(-1000, 1000).Draw(t, "drift"),
		}
		s := virtual.New()
		s.Next(time.Duration(rapid.Int64Range(0, 3600e9).Draw(t, "begin")))
		r := s.Runtime(virtual.RNG(1, "process"), nil).By(watch)
		begin := r.Now()
		if got := begin.Sub(virtual.Epoch) - s.Elapsed() - watch.Offset; got.Abs() > 4*time.Second {
			t.Fatalf("%+v is off by %v", watch, got)
		}
		d := time.Duration(rapid.Int64Range(0, 3600e9).Draw(t, "timer"))
		rang := false
		r.AfterFunc(d, func() { rang = true })
		s.Step()
		if late := r.Now().Sub(begin) - d; !rang || late < 0 || late > 10*time.Microsecond {
			t.Fatalf("%+v: after %v it is %v late", watch, d, late)
		}
	})
}

// As with the clocks of a real machine: whoever sets one moves no timer and no deadline.
func TestAWatchIsSetAndWhatOnlyLastsForAWhileGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, watch := virtual.New(), &virtual.Watch{}
		r := s.Runtime(virtual.RNG(1, "process"), nil).By(watch)
		begin, set := r.Now(), time.Duration(rapid.Int64Range(-1e18, 1e18).Draw(t, "set"))
		r.AfterFunc(time.Second, func() {})
		watch.Offset = set
		s.Step()
		now := r.Now()
		if now.Sub(begin) != time.Second || !now.After(begin) || !begin.Add(time.Second).Equal(now) {
			t.Fatalf("a second after %v it is %v", begin, now)
		}
		if by := now.Round(0).Sub(begin.Round(0)); by != set+time.Second || now.UnixMilli() != begin.Add(by).UnixMilli() {
			t.Fatalf("people see %v later", by)
		}
	})
}

func TestRolesAreSplitAndRepeatable(t *testing.T) {
	a, b, c := virtual.RNG(7, "network"), virtual.RNG(7, "network"), virtual.RNG(7, "disk")
	if x := a.Uint64(); x != b.Uint64() || x == c.Uint64() {
		t.Error("the same role draws differently, or two roles the same")
	}
	if virtual.Key(1, "a", 2) == virtual.Key(1, "a", 3) {
		t.Error("two nodes have one key")
	}
}

func TestTheTraceTellsRunsApart(t *testing.T) {
	run := func(what ...uint64) string {
		trace := virtual.NewTrace()
		for _, w := range what {
			trace.Add(w)
			trace.Bytes(make([]byte, w))
		}
		return trace.Sum()
	}
	if again := run(1, 5000, 3); run(1, 5000, 3) != again || run(1, 5000, 3) == run(1, 3, 5000) {
		t.Error("the trace's hash doesn't follow what happened")
	}
}
