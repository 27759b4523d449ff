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

func TestGroupRotationHasAnInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint32Range(1, 100).Draw(t, "n")
		core := rapid.Uint32Range(0, n-1).Draw(t, "core")
		r := Rotation{
			Start: rapid.Uint32().Draw(t, "start"), Frequency: rapid.Uint32Range(0, 50).Draw(t, "frequency"),
			Now: rapid.Uint32().Draw(t, "now"),
		}
		if got := r.CoreForGroup(r.GroupForCore(core, n), n); got != core {
			t.Fatalf("%+v: core %d came back as %d", r, core, got)
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
