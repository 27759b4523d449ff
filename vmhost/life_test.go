package vmhost

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/process/supervise"
)

func TestAtMostOnePluginLivesWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t)
		if err := f.life.startFirst(); err != nil {
			rt.Fatal(err)
		}
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
	if err := f.life.startFirst(); err != nil {
		t.Fatal(err)
	}
	for death := range 5 {
		if f.life.gen == nil {
			t.Fatalf("no plugin after %d deaths", death)
		}
		f.life.gen.plugin.Kill()
		f.Step()
		f.Advance(5 * time.Second)
	}
	f.Advance(time.Hour)
	if f.life.gen != nil || !f.degraded || len(f.launched) != 5 || !f.life.hopeless() {
		t.Errorf("%v after five deaths and %d starts", f.life.state, len(f.launched))
	}
}

func TestNothingIsStartedOnceTheNodeEnds(t *testing.T) {
	f := newFixture(t)
	if err := f.life.startFirst(); err != nil {
		t.Fatal(err)
	}
	f.life.stopping = true
	f.life.gen.plugin.Kill()
	f.Step()
	f.Advance(time.Hour)
	if len(f.launched) != 1 {
		t.Errorf("%d plugins were started", len(f.launched))
	}
}
