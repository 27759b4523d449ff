package vmhost

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/vmhost/launch"
)

func TestAtMostOnePluginLivesWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t)
		f.life.start()
		f.Step()
		last := uint64(0)
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "op") {
			case 0:
				if g := f.life.gen; g != nil {
					g.plugin.Kill()
				}
			case 1:
				if g := f.life.gen; g != nil {
					f.life.replace(g, "as ordered", true)
				}
			case 2:
				f.life.restart("as ordered")
			case 3:
				f.refuse = errors.New("no")
			case 4:
				f.refuse = nil
			case 5:
				f.Advance(time.Duration(rapid.IntRange(0, 40_000).Draw(rt, "ms")) * time.Millisecond)
			}
			f.Step()
			if n := f.alive(); n > 1 {
				rt.Fatalf("%d plugins live", n)
			}
			if g := f.life.gen; g != nil && g.number < last {
				rt.Fatalf("generation %d after %d", g.number, last)
			} else if g != nil {
				last = g.number
			}
			if f.life.state == supervise.Quarantined && f.alive() != 0 {
				rt.Fatal("a plugin lives although it isn't started any more")
			}
		}
		f.refuse = nil
		f.life.restart("at the end")
		f.Step()
		f.Advance(time.Minute)
		if f.life.gen == nil || f.alive() != 1 {
			rt.Fatalf("%v in the end", f.life.state)
		}
	})
}

func TestFiveDeathsInAMinuteAreEnough(t *testing.T) {
	f := newFixture(t)
	f.life.start()
	f.Step()
	for death := range 5 {
		if f.life.gen == nil {
			t.Fatalf("no plugin after %d deaths", death)
		}
		f.life.gen.plugin.Kill()
		f.Step()
		f.Advance(5 * time.Second)
	}
	f.Advance(30 * time.Second)
	if f.life.gen != nil || !f.degraded || len(f.launched) != 5 || !f.life.hopeless() {
		t.Errorf("%v after five deaths and %d starts", f.life.state, len(f.launched))
	}
	if want := "`reeve svc restart plugin --chain kv`"; !strings.Contains(f.life.cause, want) {
		t.Errorf("the cause doesn't name %s: %s", want, f.life.cause)
	}
}

// broken opens the breaker with starts that fail.
func broken(t *testing.T, window time.Duration) *fixture {
	t.Helper()
	f := newFixture(t)
	f.refuse, f.life.history.Policy.Window = errors.New("no"), window
	f.life.start()
	f.Step()
	f.Advance(30 * time.Second)
	return f
}

func TestStartsThatFailOpenTheBreakerHoweverLongEachTakes(t *testing.T) {
	for _, window := range []time.Duration{time.Minute, time.Millisecond} {
		f := broken(t, window)
		if f.life.state != supervise.Quarantined || f.tries != 5 {
			t.Errorf("%d starts, no two of them within %v: %v, %s", f.tries, window, f.life.state, f.life.cause)
		}
	}
}

func TestTheBreakerIsTriedAgainEverMoreSeldomAndClosesByItself(t *testing.T) {
	f := broken(t, time.Minute)
	tries := f.tries
	for _, wait := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute} {
		f.Advance(wait)
		if f.tries != tries+1 || f.life.state != supervise.Quarantined {
			t.Fatalf("after %v: %v, %d tries after %d", wait, f.life.state, f.tries, tries)
		}
		tries = f.tries
	}
	f.refuse = nil
	f.Advance(16 * time.Minute)
	if f.life.gen == nil {
		t.Fatalf("nobody noticed the repair: %v", f.life.state)
	}
	f.Advance(time.Hour)
	f.life.gen.plugin.Kill() // one death of a plugin that has lived long is one death
	f.Step()
	f.Advance(time.Second)
	if f.life.gen == nil {
		t.Errorf("%v after the first death since", f.life.state)
	}
}

func TestAnotherFileIsSaidAndHasTheOldOnesFaultsForgotten(t *testing.T) {
	f := newFixture(t)
	f.file = launch.File{SHA256: strings.Repeat("a", 64), Modified: time.Unix(1e9, 0)}
	f.life.start()
	f.Step()
	for range 4 {
		f.life.gen.plugin.Kill()
		f.Step()
		f.Advance(time.Second)
	}
	if f.life.replaced != "" || f.amends != 0 {
		t.Errorf("the same file: %q", f.life.replaced)
	}
	f.file.SHA256 = strings.Repeat("b", 64)
	f.life.restart("") // as whatever starts it
	f.Step()
	f.Advance(time.Second)
	for _, want := range []string{"bbbbbbbb", "aaaaaaaa", "2001-09-09"} {
		if !strings.Contains(f.life.replaced, want) || f.amends != 1 {
			t.Errorf("another file: %q, %d amends", f.life.replaced, f.amends)
		}
	}
}

func TestNothingIsStartedOnceTheNodeEnds(t *testing.T) {
	f := newFixture(t)
	f.life.start()
	f.Step()
	f.life.stopping = true
	f.life.gen.plugin.Kill()
	f.Step()
	f.Advance(time.Hour)
	if len(f.launched) != 1 {
		t.Errorf("%d plugins were started", len(f.launched))
	}
}
