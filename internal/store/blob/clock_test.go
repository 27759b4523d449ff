package blob

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// People set the machine's clock a day forward, or back. What is held stays for as long as it was to, what isn't goes,
// and what is being written is nobody's to take.
func TestLeasesLastAsLongAsTheyWereToWhateverTheMachinesClockShows(t *testing.T) {
	for name, set := range map[string]time.Duration{"forward": 24 * time.Hour, "back": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			c, dir := &clocked{t: t}, t.TempDir()
			began := c.now
			// Setting the store's clock the other way is all that a process can see of it: the machine's is set for
			// whoever makes or writes a file.
			before := &Dir{cfg: Config{Dir: dir}}
			if err := before.place(before.file(clockFile), nil, 0o600, time.Now().Add(-set)); err != nil {
				t.Fatal(err)
			}
			d, err := Open(Config{Dir: dir, Elapsed: func() time.Duration { return c.now.Sub(began) }})
			if err != nil {
				t.Fatal(err)
			}
			c.Store = d
			held, released := c.put("a", "held", time.Hour), c.put("a", "released", time.Hour)
			if err := c.Release("a", released); err != nil {
				t.Fatal(err)
			}
			unfinished := d.file(fmt.Sprintf("%s%d-x", temporary, d.clock.began.UnixNano()))
			if err := os.WriteFile(unfinished, []byte("the beginning of"), 0o600); err != nil {
				t.Fatal(err)
			}
			c.later(59 * time.Minute)
			c.has(held, true)
			c.has(released, false)
			if _, err := os.Stat(unfinished); err != nil {
				t.Errorf("what is being written was taken: %v", err)
			}
			c.later(3 * time.Minute)
			c.has(held, false)
			if _, err := os.Stat(unfinished); err == nil {
				t.Error("what nobody writes any more is left")
			}
		})
	}
}

// Processes come and go, and each knows only what elapses while it lives.
func TestAStoresClockRunsWhileAnyOfItsProcessesDoes(t *testing.T) {
	dir, ran := t.TempDir(), time.Duration(0)
	process := func() *Dir {
		s, err := Open(Config{Dir: dir, Elapsed: func() time.Duration { return ran }})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	timeOf := func(s *Dir) time.Time {
		t.Helper()
		now, err := s.clock.now()
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	one := process()
	began := timeOf(one)
	ran += time.Hour
	other := process() // it doesn't know of that hour
	ran += time.Hour
	if late := timeOf(other).Sub(began); late != time.Hour {
		t.Errorf("%v have passed for who came later", late)
	}
	for _, s := range []*Dir{one, other, process()} {
		if late := timeOf(s).Sub(began); late != 2*time.Hour {
			t.Errorf("%v have passed", late)
		}
	}
	if err := os.Remove(filepath.Join(dir, clockFile)); err != nil {
		t.Fatal(err)
	}
	if late := timeOf(other).Sub(began); late != 2*time.Hour {
		t.Errorf("without its clock it is %v later", late)
	}
}
