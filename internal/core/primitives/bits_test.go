package primitives

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestARowOfBitsIsASetOfNumbersBelowItsLength(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint32Range(0, 70).Draw(t, "n")
		set := map[uint32]bool{}
		row := NewBits(n)
		for _, i := range rapid.SliceOf(rapid.Uint32Range(0, 80)).Draw(t, "set") {
			row.Set(i)
			if i < n {
				set[i] = true
			}
		}
		ones := []uint32{}
		for i := range uint32(90) {
			if row.Has(i) != set[i] {
				t.Fatalf("bit %d of %v", i, row)
			}
			if set[i] {
				ones = append(ones, i)
			}
		}
		if diff := cmp.Diff(ones, row.Ones()); diff != "" || row.Count() != len(ones) || !row.Canonical() {
			t.Fatalf("%v: (-want +got)\n%s", row, diff)
		}
		if diff := cmp.Diff(row, NewBits(n, ones...)); diff != "" {
			t.Fatalf("(-one by one +at once)\n%s", diff)
		}
	})
}

func TestACopyOfARowIsARowOfItsOwn(t *testing.T) {
	row := NewBits(9, 8)
	other := row.Clone()
	other.Set(0)
	if row.Has(0) || !other.Has(8) {
		t.Errorf("%v and its copy %v", row, other)
	}
}

func TestBitsWhoseBytesHaveAnotherMeaningAreNotCanonical(t *testing.T) {
	for name, b := range map[string]Bits{
		"a byte too few":          {Length: 9, Bytes: make([]byte, 1)},
		"a byte too many":         {Length: 8, Bytes: make([]byte, 2)},
		"a byte without any bits": {Bytes: make([]byte, 1)},
		"a bit past the last one": {Length: 3, Bytes: []byte{0b1000}},
		"more bits than memory":   {Length: 1<<32 - 1},
	} {
		if b.Canonical() {
			t.Errorf("%s: %v", name, b)
		}
	}
	for _, b := range []Bits{{}, {Length: 8, Bytes: []byte{255}}, {Length: 3, Bytes: []byte{0b111}}} {
		if !b.Canonical() {
			t.Errorf("%v", b)
		}
	}
}
