package blob

import (
	"errors"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// kept is a store of either kind, whose time the test moves.
type clocked struct {
	Store
	t   *testing.T
	now time.Time
}

// everyStore tells a story with a directory and with memory.
func everyStore(t *testing.T, limits Limits, story func(c *clocked)) {
	t.Run("directory", func(t *testing.T) {
		c := &clocked{t: t, now: time.Now()}
		began := c.now
		d, err := Open(Config{Dir: t.TempDir(), Limits: limits,
			Elapsed: func() time.Duration { return c.now.Sub(began) }})
		if err != nil {
			t.Fatal(err)
		}
		c.Store = d
		story(c)
	})
	t.Run("memory", func(t *testing.T) {
		c := &clocked{t: t, now: time.Now()}
		c.Store = NewMemory(limits, func() time.Time { return c.now })
		story(c)
	})
}

func (c *clocked) put(holder, text string, lease time.Duration) Ref {
	c.t.Helper()
	ref, err := c.Put(holder, []byte(text), lease)
	if err != nil {
		c.t.Fatal(err)
	}
	return ref
}

// later lets time pass, and something be put, which is when a store looks what can go.
func (c *clocked) later(d time.Duration) {
	c.t.Helper()
	c.now = c.now.Add(d)
	c.put("somebody", "something", time.Second)
}

func (c *clocked) has(ref Ref, want bool) {
	c.t.Helper()
	v, err := c.Get(ref, 0, -1)
	if (err == nil) != want || err != nil && !errors.Is(err, ErrMissing) {
		c.t.Errorf("there: %v, want %t", err, want)
	}
	if v != nil {
		v.Close()
	}
}

func TestALeaseKeepsABlobAndItsEndLetsItGo(t *testing.T) {
	everyStore(t, Limits{}, func(c *clocked) {
		short, long := c.put("a", "short", time.Minute), c.put("a", "long", time.Hour)
		if again := c.put("a", "long", time.Minute); again != long { // a shorter lease takes nothing away
			c.t.Error("the same bytes have two references")
		}
		view, err := c.Get(short, 0, -1)
		if err != nil {
			c.t.Fatal(err)
		}
		c.later(30 * time.Second)
		if err := c.Hold("a", short, 10*time.Minute); err != nil {
			c.t.Error(err)
		}
		c.later(9 * time.Minute)
		c.has(short, true)
		c.later(3 * time.Minute)
		c.has(short, false)
		c.has(long, true)
		if err := c.Hold("a", short, time.Hour); !errors.Is(err, ErrMissing) {
			c.t.Error(err)
		}
		if string(view.Bytes()) != "short" {
			c.t.Error("an open view lost its bytes")
		}
		c.later(time.Hour)
		c.has(long, false)
	})
}

// The sender releases what it has sent; the receiver, who holds it, still has it, until it releases it too.
func TestABlobIsThereForAsLongAsAnybodyHoldsIt(t *testing.T) {
	everyStore(t, Limits{}, func(c *clocked) {
		ref := c.put("sender", "proof", time.Hour)
		if err := c.Hold("receiver", ref, time.Hour); err != nil {
			c.t.Fatal(err)
		}
		for _, step := range []struct {
			holder string
			stays  bool
		}{{"sender", true}, {"sender", true}, {"receiver", false}} {
			if err := c.Release(step.holder, ref); err != nil {
				c.t.Error(err)
			}
			c.later(3 * time.Minute)
			c.has(ref, step.stays)
		}
		if err := c.Release("receiver", ref); err != nil {
			c.t.Errorf("released twice: %v", err)
		}
	})
}

func TestWhatIsHeldLeavesNoRoomUntilItIsReleased(t *testing.T) {
	everyStore(t, Limits{MaxTotal: 1000}, func(c *clocked) {
		first := c.put("a", string(make([]byte, 700)), time.Hour)
		if _, err := c.Put("b", make([]byte, 400), time.Hour); !errors.Is(err, ErrFull) {
			c.t.Errorf("700 and 400 of 1000: %v", err)
		}
		c.has(first, true)
		if err := c.Release("a", first); err != nil {
			c.t.Fatal(err)
		}
		c.now = c.now.Add(2 * time.Minute)
		if _, err := c.Put("b", make([]byte, 400), time.Hour); err != nil {
			c.t.Errorf("after the release: %v", err)
		}
	})
}

func TestNobodyHoldsForNothing(t *testing.T) {
	everyStore(t, Limits{MaxSize: 100}, func(c *clocked) {
		ref := c.put("a", "proof", time.Hour)
		for _, err := range []error{
			c.Hold("", ref, time.Hour), c.Hold("b", ref, 0),
			c.Hold("b", Ref{Hash: primitives.HashOf([]byte("other"))}, time.Hour),
		} {
			if err == nil {
				c.t.Error("a lease without a holder, a length or a blob")
			}
		}
		if _, err := c.Put("a", make([]byte, 101), time.Hour); !errors.Is(err, ErrTooLarge) {
			c.t.Error(err)
		}
		if _, err := c.Get(ref, 3, 3); !errors.Is(err, ErrRange) {
			c.t.Error(err)
		}
		if _, err := c.Get(Ref{ref.Hash, 4}, 0, -1); !errors.Is(err, ErrRange) {
			c.t.Error(err)
		}
	})
}

// A holder's name may hold anything: it is no path.
func TestAHoldersNameIsNoPath(t *testing.T) {
	everyStore(t, Limits{}, func(c *clocked) {
		ref := c.put("engine of ../../kv", "proof", time.Hour)
		c.later(10 * time.Minute)
		c.has(ref, true)
	})
}
