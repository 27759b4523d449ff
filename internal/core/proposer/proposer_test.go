package proposer

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
	"pgregory.net/rapid"
)

func set(t interface{ Fatal(...any) }, stakes ...uint64) *validators.Set {
	var members []validators.Validator
	for i, s := range stakes {
		members = append(members, validators.Validator{Node: primitives.NodeID{byte(i)}, Stake: s})
	}
	s, err := validators.New(members)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOrderHoldsEverybodyOnceAndIsTheSameForAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := set(t, rapid.SliceOfN(rapid.Uint64Range(1, 1000), 1, 30).Draw(t, "stakes")...)
		chain, height := block.Chain{NetworkID: rapid.Uint32().Draw(t, "network"),
			ID: primitives.HashOf([]byte(rapid.String().Draw(t, "chain")))}, rapid.Uint64().Draw(t, "height")
		order := Order(s, chain, height)
		if diff := cmp.Diff(order, Order(s, chain, height)); diff != "" {
			t.Fatal(diff)
		}
		seen := map[int]bool{}
		for _, i := range order {
			seen[i] = true
		}
		if len(order) != s.Len() || len(seen) != s.Len() {
			t.Fatalf("%v for %d validators", order, s.Len())
		}
		if slot, ok := Rank(order, order[len(order)-1]); !ok || slot != len(order)-1 {
			t.Fatalf("rank %d, %v", slot, ok)
		}
	})
}

func TestTheFirstIsDrawnByStake(t *testing.T) {
	s := set(t, 1, 1, 8)
	first := 0
	for height := range uint64(2000) {
		if Order(s, block.Chain{}, height)[0] == 2 {
			first++
		}
	}
	if first < 1500 || first > 1700 {
		t.Errorf("a validator with 8/10 of the stake came first in %d of 2000", first)
	}
}

// Two chains of a network, and two networks, don't wait for the same validator all the time.
func TestChainsAndHeightsHaveOrdersOfTheirOwn(t *testing.T) {
	s := set(t, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	one := block.Chain{NetworkID: 1, ID: primitives.Hash{1}}
	for what, other := range map[string][]int{
		"another height":  Order(s, one, 2),
		"another chain":   Order(s, block.Chain{NetworkID: 1, ID: primitives.Hash{2}}, 1),
		"another network": Order(s, block.Chain{NetworkID: 2, ID: primitives.Hash{1}}, 1),
	} {
		if cmp.Equal(other, Order(s, one, 1)) {
			t.Errorf("%s has the same order", what)
		}
	}
}

func TestOnlyTheSlotsOwnerMayProposeAndNotTooEarly(t *testing.T) {
	order := []int{2, 0, 1}
	for _, c := range []struct {
		proposer   uint32
		slot, time uint64
		ok         bool
	}{
		{2, 0, 1000, true}, {0, 0, 1000, false}, {0, 1, 1050, true}, {0, 1, 1049, false}, {2, 3, 1150, true},
		{2, 0, 999, false}, {2, 1 << 60, 1000, false},
	} {
		err := Check(order, c.proposer, c.slot, c.time, 1000)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestPatienceFollowsTheNetwork(t *testing.T) {
	var s Slots
	if s.Length() != 150*time.Millisecond || s.Wait(0) != 0 {
		t.Errorf("at first %v, and %v for the first", s.Length(), s.Wait(0))
	}
	for range 100 {
		s.Observe(200 * time.Millisecond)
	}
	if got := s.Wait(2); got < 1100*time.Millisecond || got > 1200*time.Millisecond {
		t.Errorf("two slots take %v where blocks take 200 ms", got)
	}
	s.Observe(-time.Hour)
	s.Observe(time.Hour)
	if s.Length() > 5*time.Second {
		t.Errorf("a slot of %v", s.Length())
	}
}

func TestABlockIsLookedAtFromTheMomentWhenItIsNoLongerInTheFuture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Uint64Range(uint64(MaxSkew.Milliseconds()), 1<<48).Draw(t, "time")
		if opens := Opens(at); Future(at, opens) || !Future(at, opens.Add(-time.Millisecond)) {
			t.Fatalf("a block of %d opens at %v", at, opens)
		}
	})
	if opens, far := Opens(1<<64-1), time.Now().AddDate(1000, 0, 0); opens.Before(far) {
		t.Errorf("a time beyond all times opens at %v", opens)
	}
}
