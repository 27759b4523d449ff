package clocks

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
)

var begin = time.Unix(1_000_000, 0)

func id(i int) primitives.NodeID { return primitives.NodeID{byte(i + 1)} }

// hear is what node 0 sees when the others have said twice by how much their clocks are ahead of its own.
func hear(stakes []uint64, ahead map[int]time.Duration) View {
	c, stake := New(), map[primitives.NodeID]uint64{}
	for i, s := range stakes {
		stake[id(i)] = s
	}
	for i, a := range ahead {
		for n := range 2 {
			now := begin.Add(time.Duration(n) * Every)
			c.Heard(id(i), now.Add(a), now)
		}
	}
	return c.See(id(0), stake, begin.Add(Every))
}

func TestWhoseClockIsOffIsKnown(t *testing.T) {
	four := []uint64{1, 1, 1, 1}
	for _, c := range []struct {
		what   string
		stakes []uint64
		ahead  map[int]time.Duration
		off    time.Duration
		others int
	}{
		{"all are right", four, map[int]time.Duration{1: 0, 2: time.Second, 3: -time.Second}, 0, 0},
		{"this one is behind", four, map[int]time.Duration{1: time.Hour, 2: time.Hour, 3: time.Hour}, -time.Hour, 0},
		{"this one is ahead", four, map[int]time.Duration{1: -time.Hour, 2: -time.Hour, 3: -time.Minute}, time.Hour, 0},
		{"another one is ahead", four, map[int]time.Duration{1: time.Hour, 2: 0, 3: 0}, 0, 1},
		{"another one is behind", four, map[int]time.Duration{1: -time.Hour, 2: 0, 3: 0}, 0, 1},
		{"two of four are ahead", four, map[int]time.Duration{1: time.Hour, 2: time.Hour, 3: 0}, -time.Hour, 0},
		{"only a liar is heard", four, map[int]time.Duration{1: time.Hour}, 0, 1},
		{"two that differ", []uint64{1, 1}, map[int]time.Duration{1: time.Hour}, -time.Hour, 0},
		{"one of three is off", []uint64{1, 1, 1}, map[int]time.Duration{1: time.Hour, 2: 0}, 0, 1},
		{"this one has no stake", []uint64{0, 1, 1, 1}, map[int]time.Duration{1: time.Hour, 2: time.Hour}, -time.Hour, 0},
		{"alone", []uint64{1}, nil, 0, 0},
	} {
		if v := hear(c.stakes, c.ahead); v.Off != c.off || len(v.Others) != c.others {
			t.Errorf("%s: it sees %+v", c.what, v)
		}
	}
}

// Whatever validators with no more than a third of the stake say, while the others' clocks are right.
func TestLiarsWithoutMoreThanAThirdOfTheStakeRaiseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stakes := rapid.SliceOfN(rapid.Uint64Range(1, 100), 2, 12).Draw(t, "stakes")
		var all, lying uint64
		for _, s := range stakes {
			all += s
		}
		ahead := map[int]time.Duration{}
		for i := range stakes[1:] {
			says := time.Duration(rapid.Int64Range(-int64(Apart), int64(Apart)).Draw(t, "honest"))
			if rapid.Bool().Draw(t, "lies") && lying+stakes[i+1] <= all/3 {
				lying += stakes[i+1]
				says = time.Duration(rapid.Int64().Draw(t, "lie")) / 4
			} else if rapid.Bool().Draw(t, "silent") {
				continue
			}
			ahead[i+1] = says
		}
		if v := hear(stakes, ahead); v.Off != 0 {
			t.Fatalf("liars with %d of %d make it see %+v", lying, all, v)
		}
	})
}

func TestAWordThatTookLongSaysLittle(t *testing.T) {
	c, stake := New(), map[primitives.NodeID]uint64{id(0): 1, id(1): 1}
	c.Heard(id(1), begin, begin)
	late := begin.Add(time.Minute / 10)
	c.Heard(id(1), late.Add(-2*Apart), late)
	if v := c.See(id(0), stake, late); v.Off != 0 {
		t.Errorf("a message that was late once makes it see %+v", v)
	}
	c.Heard(id(1), late.Add(Every-2*Apart), late.Add(Every))
	if v := c.See(id(0), stake, late.Add(Every)); v.Off != 2*Apart {
		t.Errorf("a clock that was set back makes it see %+v", v)
	}
}

func TestWhatWasSaidLongAgoDoesNotCount(t *testing.T) {
	c, stake := New(), map[primitives.NodeID]uint64{id(0): 1, id(1): 1}
	c.Heard(id(1), begin.Add(time.Hour), begin)
	if v := c.See(id(0), stake, begin.Add(lasts)); v.Off == 0 {
		t.Error("it is forgotten too early")
	}
	if v := c.See(id(0), stake, begin.Add(lasts+1)); v.Off != 0 {
		t.Errorf("it sees %+v", v)
	}
	now := begin.Add(2 * lasts)
	if c.Heard(id(1), now, now); c.See(id(0), stake, now).Off != 0 {
		t.Error("what was said before counts again")
	}
	c.Keep(func(primitives.NodeID) bool { return false })
	if len(c.of) != 0 {
		t.Error("who isn't wanted is kept")
	}
}
