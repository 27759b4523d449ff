package view

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
)

func h(n byte) primitives.Hash { return primitives.Hash{n} }

func TestOurViewIsTheNewestFiveLeaves(t *testing.T) {
	var l Leaves
	for n := byte(1); n <= 7; n++ {
		l.Start(h(n))
	}
	l.Start(h(3)) // known already
	if got, want := l.View(), (View{h(7), h(6), h(5), h(4), h(3)}); !got.Equal(want) || got[0] != h(7) {
		t.Fatalf("view %v, want %v", got, want)
	}
	l.Stop(h(6))
	if got, want := l.View(), (View{h(7), h(5), h(4), h(3), h(2)}); !got.Equal(want) {
		t.Fatalf("view %v, want %v", got, want)
	}
}

func TestAPeersViewIsChecked(t *testing.T) {
	good := View{h(1), h(2)}
	if v, err := From(good.Bytes()); err != nil || !v.Equal(good) {
		t.Fatalf("%v came back as %v, %v", good, v, err)
	}
	for name, heads := range map[string][][]byte{
		"six heads":    View{h(1), h(2), h(3), h(4), h(5), h(6)}.Bytes(),
		"one twice":    View{h(1), h(1)}.Bytes(),
		"a short head": {{1, 2, 3}},
		"no bytes":     {nil},
	} {
		if v, err := From(heads); err == nil {
			t.Errorf("%s: taken for %v", name, v)
		}
	}
}

func TestOrderCarriesNoMeaning(t *testing.T) {
	if !(View{h(1), h(2)}).Equal(View{h(2), h(1)}) || (View{h(1)}).Equal(View{h(2)}) || (View{h(1)}).Equal(nil) {
		t.Fatal("views are compared as sets")
	}
}

func FuzzFrom(f *testing.F) {
	f.Add([]byte{}, 1)
	f.Fuzz(func(t *testing.T, b []byte, pieces int) {
		var heads [][]byte
		for len(b) > 0 && pieces > 0 {
			n := min(len(b), primitives.HashSize)
			heads, b = append(heads, b[:n]), b[n:]
		}
		if v, err := From(heads); err == nil && (len(v) != len(heads) || len(v) > MaxHeads) {
			t.Fatalf("%d heads became %d", len(heads), len(v))
		}
	})
}

func TestOneViewOfSeveralChainsHasTheNewestOfEach(t *testing.T) {
	a, b := View{h(1), h(2), h(3), h(4)}, View{h(11), h(12)}
	if got, want := Merge(a, nil, b), (View{h(1), h(11), h(2), h(12), h(3)}); !got.Equal(want) || got[1] != h(11) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := Merge(a); !got.Equal(a) {
		t.Errorf("of one chain: %v", got)
	}
}
