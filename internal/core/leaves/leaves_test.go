package leaves

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
)

func block(name, parent string, number uint64) Block {
	return Block{Hash: hash(name), Parent: hash(parent), Number: number}
}

func hash(name string) primitives.Hash { return primitives.HashOf([]byte(name)) }

func want(t *testing.T, got, want Change) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAChildTakesItsParentsPlaceAndAForkStandsBesideIt(t *testing.T) {
	s := New()
	f, a, b := block("F", "", 1), block("A", "F", 2), block("B", "F", 2)
	want(t, s.Import(f), Change{Started: []Block{f}})
	want(t, s.Import(a), Change{Started: []Block{a}, Stopped: []primitives.Hash{f.Hash}})
	want(t, s.Import(b), Change{Started: []Block{b}})
	want(t, s.Import(a), Change{})
	want(t, s.Import(f), Change{}) // no leaf any more, and it doesn't come back
}

func TestFinalityStopsWhatItLeavesBehindAndKeepsALeafThatIsFinal(t *testing.T) {
	s := New()
	a, b := block("A", "F", 2), block("B", "F", 2)
	s.Import(a)
	s.Import(b)
	want(t, s.Finalize(a.Hash, 2),
		Change{Finalized: &Block{Hash: a.Hash, Number: 2}, Stopped: []primitives.Hash{b.Hash}})
	if !s.IsActive(a.Hash) {
		t.Error("a finalised block that is a leaf stays one")
	}
	want(t, s.Finalize(a.Hash, 2), Change{})
	want(t, s.Import(b), Change{})
}

func TestFinalityThatDeactivatesNothingSaysSo(t *testing.T) {
	s := New()
	a, b := block("A", "F", 2), block("B", "A", 3)
	s.Import(a)
	s.Import(b)
	want(t, s.Finalize(a.Hash, 2), Change{Finalized: &Block{Hash: a.Hash, Number: 2}})
}

func TestMemoryIsBounded(t *testing.T) {
	s := New()
	parent := ""
	for i := range 3 * remembered {
		name := string(rune(i)) + "b"
		s.Import(block(name, parent, uint64(i)))
		parent = name
	}
	if len(s.past) > remembered || len(s.active) != 1 {
		t.Errorf("%d remembered, %d active", len(s.past), len(s.active))
	}
}
