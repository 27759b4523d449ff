package erasure

import (
	"io"
	"testing"
)

// Both sides come to the same data, and every figure has as many values as there were rounds.
func TestBothSidesDoTheSameWork(t *testing.T) {
	doc, err := Run(t.Context(), Config{Sizes: []int{4, 300}, Bytes: 100 << 10, Rounds: 2, Progress: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Rows) != 6 {
		t.Errorf("%d rows", len(doc.Rows))
	}
	for _, r := range doc.Rows {
		if r.N != 2 || r.Ours <= 0 {
			t.Errorf("%+v", r)
		}
	}
	s, err := prepare(300, 100<<10)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.recoverRaw(); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.raw.Verify(s.shards); !ok || err != nil {
		t.Errorf("the library finds other parity: %v", err)
	}
}
