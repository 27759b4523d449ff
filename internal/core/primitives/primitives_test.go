package primitives

import (
	"testing"

	"pgregory.net/rapid"
)

func TestQuorums(t *testing.T) {
	for n, want := range []int{0, 1, 2, 3, 3, 4, 5, 5} {
		if got := Supermajority(n); got != want {
			t.Errorf("Supermajority(%d) = %d, want %d", n, got, want)
		}
	}
	for n, want := range []int{0, 0, 0, 0, 1, 1, 1, 2} {
		if got := Byzantine(n); got != want {
			t.Errorf("Byzantine(%d) = %d, want %d", n, got, want)
		}
	}
	for group, want := range map[int]int{1: 1, 2: 2, 3: 2, 4: 3, 5: 3} {
		if got := BackingQuorum(group); got != want {
			t.Errorf("BackingQuorum(%d) = %d, want %d", group, got, want)
		}
	}
}

func TestTwoSupermajoritiesShareAnHonestValidator(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 10_000).Draw(t, "n")
		if overlap := 2*Supermajority(n) - n; overlap <= Byzantine(n) {
			t.Fatalf("n=%d: two supermajorities may share only %d, and %d may be faulty", n, overlap, Byzantine(n))
		}
	})
}

func TestGroupsRotateOverTheCores(t *testing.T) {
	const most = 1<<32 - 1
	for _, s := range []struct {
		r              Rotation
		core, n, group uint32
	}{
		{Rotation{Start: 100, Frequency: 10, Now: 100}, 0, 3, 0},
		{Rotation{Start: 100, Frequency: 10, Now: 109}, 2, 3, 2},
		{Rotation{Start: 100, Frequency: 10, Now: 110}, 0, 3, 1},
		{Rotation{Start: 100, Frequency: 10, Now: 110}, 2, 3, 0},
		{Rotation{Start: 100, Frequency: 10, Now: 125}, 1, 3, 0},
		{Rotation{Start: 100, Frequency: 10, Now: 130}, 1, 3, 1},
		{Rotation{Start: 100, Frequency: 0, Now: 500}, 1, 3, 1},
		{Rotation{Start: 100, Frequency: 10, Now: 50}, 1, 3, 1},
		{Rotation{Start: 100, Frequency: 1, Now: 500}, 0, 1, 0},
		{Rotation{Frequency: 1, Now: 1<<32 + 1}, 0, 5, 2},
		{Rotation{Frequency: 1, Now: most - 1}, most - 1, most, most - 2},
	} {
		if group, ok := s.r.GroupForCore(s.core, s.n); !ok || group != s.group {
			t.Errorf("%+v: core %d of %d has group %d, want %d", s.r, s.core, s.n, group, s.group)
		}
		if core, ok := s.r.CoreForGroup(s.group, s.n); !ok || core != s.core {
			t.Errorf("%+v: group %d of %d has core %d, want %d", s.r, s.group, s.n, core, s.core)
		}
	}
	for _, n := range []uint32{0, 1, 3} {
		_, core := Rotation{}.GroupForCore(n, n)
		if _, group := (Rotation{}).CoreForGroup(n, n); core || group {
			t.Errorf("there is a core or group %d of %d", n, n)
		}
	}
}

func TestGroupRotationHasAnInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint32Range(1, 1<<32-1).Draw(t, "n")
		core := rapid.Uint32Range(0, n-1).Draw(t, "core")
		r := Rotation{
			Start: rapid.Uint64().Draw(t, "start"), Frequency: rapid.Uint64Range(0, 50).Draw(t, "frequency"),
			Now: rapid.Uint64().Draw(t, "now"),
		}
		group, _ := r.GroupForCore(core, n)
		if got, ok := r.CoreForGroup(group, n); !ok || got != core || group >= n {
			t.Fatalf("%+v: core %d has group %d and came back as %d", r, core, group, got)
		}
	})
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), HashSize, HashSize).Draw(t, "bytes")
		h, _ := HashFrom(b)
		id, _ := NodeIDFrom(b)
		var h2 Hash
		var id2 NodeID
		if err := h2.UnmarshalText([]byte(h.String())); err != nil || h2 != h {
			t.Fatalf("hash %v came back as %v, %v", h, h2, err)
		}
		if err := id2.UnmarshalText([]byte(id.String())); err != nil || id2 != id {
			t.Fatalf("node id %v came back as %v, %v", id, id2, err)
		}
	})
}

func TestWrongTextIsAnErrorNotAPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		var h Hash
		var id NodeID
		if h.UnmarshalText(text) == nil && len(text) != 2*HashSize {
			t.Fatalf("%q was taken for a hash", text)
		}
		if id.UnmarshalText(text) == nil && len(text) != len(nodePrefix)+52 {
			t.Fatalf("%q was taken for a node id", text)
		}
	})
}
