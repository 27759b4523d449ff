package reputation

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
)

func id(n int) (out primitives.NodeID) {
	binary.BigEndian.PutUint32(out[:], uint32(n))
	return out
}

var start = time.Unix(1000, 0)

// validators makes n of equal stake, ids 1 to n.
func validators(n int) map[primitives.NodeID]uint64 {
	out := map[primitives.NodeID]uint64{}
	for i := 1; i <= n; i++ {
		out[id(i)] = 10
	}
	return out
}

func TestCostsAddUpToABanThatEnds(t *testing.T) {
	l := New()
	if v := l.Report(id(1), "bridge", -500, start); v != Kept {
		t.Fatalf("one malformed message: %v", v)
	}
	if v := l.Report(id(1), "bridge", -500, start); v != Banned || l.BannedFor(id(1), start) != Ban {
		t.Fatalf("the second one: %v, banned for %v", v, l.BannedFor(id(1), start))
	}
	if l.BannedFor(id(1), start.Add(Ban)) != 0 {
		t.Fatal("the ban never ends")
	}
}

func TestScoresFade(t *testing.T) {
	l := New()
	l.Report(id(1), "bridge", -800, start)
	if got := l.Score(id(1), start.Add(halfLife)); got != -400 {
		t.Fatalf("after a half-life: %d", got)
	}
	if v := l.Report(id(1), "bridge", -500, start.Add(2*halfLife)); v != Kept {
		t.Fatal("what has faded was counted")
	}
}

func TestOneSourceCanNotDropAValidator(t *testing.T) {
	l := New()
	l.SetValidators(validators(10), start)
	for range 100 {
		if v := l.Report(id(1), "statement-distribution", math.MinInt32, start); v != Kept {
			t.Fatalf("one source alone: %v", v)
		}
	}
	if v := l.Report(id(1), "bitfield-distribution", math.MinInt32, start); v != Banned {
		t.Fatalf("two sources: %v", v)
	}
}

func TestBenefitsCanNotBuyImmunity(t *testing.T) {
	l := New()
	for range 1000 {
		l.Report(id(1), "engine", math.MaxInt32, start)
	}
	if got := l.Score(id(1), start); got != most {
		t.Fatalf("score %d", got)
	}
}

func TestAtMostAFifthOfTheStakeIsBanned(t *testing.T) {
	l := New()
	l.SetValidators(validators(10), start)
	banned := 0
	for i := 1; i <= 10; i++ {
		for _, source := range []string{"a", "b"} {
			switch l.Report(id(i), source, math.MinInt32, start) {
			case Banned:
				banned++
			case Spared:
				if banned < 2 {
					t.Fatalf("validator %d was spared with %d banned", i, banned)
				}
			}
		}
	}
	if banned != 2 {
		t.Fatalf("%d of 10 validators are banned", banned)
	}
}

func TestASmallerSetLiftsBans(t *testing.T) {
	l := New()
	l.SetValidators(validators(10), start)
	for i, at := range []time.Time{start.Add(time.Second), start} {
		l.Report(id(i+1), "a", -1000, at)
		l.Report(id(i+1), "b", -1000, at)
	}
	lifted := l.SetValidators(validators(5), start.Add(2*time.Second))
	if len(lifted) != 1 || lifted[0] != id(2) {
		t.Fatalf("lifted %v, want the ban that ends soonest", lifted)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	l := New()
	l.Report(id(0), "a", -1000, start)
	for i := range 2 * maxPeers {
		l.Report(id(i+1), "a", -1, start)
	}
	if n := len(l.Known()); n > maxPeers {
		t.Fatalf("%d peers on record", n)
	}
	if l.BannedFor(id(0), start) == 0 {
		t.Fatal("a banned peer was forgotten before harmless ones")
	}
}

func TestNoReportsBreakTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, now := New(), start
		l.SetValidators(validators(7), now)
		for range rapid.IntRange(1, 200).Draw(t, "reports") {
			peer := id(rapid.IntRange(1, 12).Draw(t, "peer"))
			l.Report(peer, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "source"),
				rapid.Int32().Draw(t, "value"), now)
			now = now.Add(time.Duration(rapid.IntRange(0, int(Ban)).Draw(t, "pause")))
			banned := 0
			for i := 1; i <= 7; i++ {
				if l.BannedFor(id(i), now) > 0 {
					banned++
				}
			}
			if banned > 1 {
				t.Fatalf("%d of 7 validators are banned at once", banned)
			}
		}
	})
}
