package validators

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"pgregory.net/rapid"
)

func set(t interface{ Fatal(...any) }, stakes ...uint64) *Set {
	var members []Validator
	for i, s := range stakes {
		members = append(members, Validator{Node: primitives.NodeID{byte(i >> 8), byte(i)}, Stake: s})
	}
	s, err := New(members)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEqualStakesAreOneUnitEach(t *testing.T) {
	s := set(t, 100, 100, 100, 100, 100)
	if s.Units() != 5 {
		t.Fatalf("five equal validators have %d units", s.Units())
	}
	for _, drawn := range s.Sample(nil, 5) {
		if drawn.Units != 1 {
			t.Errorf("validator %d has %d units in a census", drawn.Index, drawn.Units)
		}
	}
}

func TestUnevenStakesShareAsFewUnitsAsTellThemApart(t *testing.T) {
	for _, c := range []struct {
		stakes []uint64
		units  []int
	}{
		{[]uint64{1000, 501, 499}, []int{2, 1, 1}},
		{[]uint64{1_000_003, 750_001, 249_990}, []int{4, 3, 1}},
		{[]uint64{1_000_003, 61_001, 61_002}, []int{15, 1, 1}},
		{[]uint64{1_000_003, 1, 1}, []int{1, 0, 0}}, // who has next to nothing is never asked
	} {
		if s := set(t, c.stakes...); !slices.Equal(s.units, c.units) {
			t.Errorf("stakes %v have units %v of %d", c.stakes, s.units, s.Units())
		}
	}
}

func TestStakesThatAreNearlyEqualAreCountedAsEqualOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stakes := rapid.SliceOfN(rapid.Uint64Range(10_000, 10_100), 1, 20).Draw(t, "stakes")
		for i, units := range set(t, stakes...).units {
			if units != 1 {
				t.Fatalf("validator %d of %d has %d units: %v", i, len(stakes), units, stakes)
			}
		}
	})
}

func TestUnitsAreCloseToTheStakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := set(t, rapid.SliceOfN(rapid.Uint64Range(1, 1<<40), 1, 20).Draw(t, "stakes")...)
		for i := range s.Len() {
			stake, units := float64(s.StakeOf(i))/float64(s.TotalStake()), float64(s.UnitsOf(i))/float64(s.Units())
			if off := stake - units; s.Units() > CensusUnits || off > 0.06 || off < -0.06 {
				t.Fatalf("validator %d has %.3f of the stake and %.3f of %d units", i, stake, units, s.Units())
			}
		}
	})
}

func TestSampleIsOfUnitsWithoutReplacement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stakes := rapid.SliceOfN(rapid.Uint64Range(1, 1<<40), 1, 60).Draw(t, "stakes")
		k := rapid.IntRange(1, 30).Draw(t, "k")
		s := set(t, stakes...)
		sum := 0
		for _, drawn := range s.Sample(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), k) {
			if drawn.Units < 1 || drawn.Units > s.UnitsOf(drawn.Index) {
				t.Fatalf("validator %d has %d units, %d were drawn", drawn.Index, s.UnitsOf(drawn.Index), drawn.Units)
			}
			sum += drawn.Units
		}
		if sum != min(k, s.Units()) {
			t.Fatalf("%d units were drawn instead of %d of %d", sum, k, s.Units())
		}
	})
}

func TestSampleFollowsStake(t *testing.T) {
	stakes := make([]uint64, 40)
	for i := range stakes {
		stakes[i] = 1000
	}
	stakes[7] = 10_000
	s := set(t, stakes...)
	rng, hits := rand.New(rand.NewPCG(1, 2)), 0
	for range 1000 {
		for _, drawn := range s.Sample(rng, 20) {
			if drawn.Index == 7 {
				hits += drawn.Units
			}
		}
	}
	if share := float64(hits) / 20_000; share < 0.19 || share > 0.22 {
		t.Errorf("a validator with 10/49 of the stake was drawn in %.3f of the units", share)
	}
}

func TestBadSetsAreRefused(t *testing.T) {
	a := Validator{Node: primitives.NodeID{1}, Stake: 1}
	for name, members := range map[string][]Validator{
		"empty": {}, "twice": {a, a}, "no stake": {{Node: primitives.NodeID{2}}},
		"too much": {{Node: primitives.NodeID{1}, Stake: 1 << 63}, {Node: primitives.NodeID{2}, Stake: 1 << 63}},
	} {
		if _, err := New(members); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
