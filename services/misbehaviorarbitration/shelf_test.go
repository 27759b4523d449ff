package misbehaviorarbitration

import (
	"fmt"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	misbehaviorv1 "github.com/reevenet/reeve/proto/reeve/misbehaviorarbitration/v1"
)

// put adds the nth piece of a validator.
func put(s *shelf, account string, n, size int) (gone []*piece) {
	return s.add(&piece{
		QueryEvidenceResponse: &misbehaviorv1.QueryEvidenceResponse{RecordedMillis: int64(n)},
		id:                    primitives.HashOf(fmt.Append(nil, account, "/", n)), account: account, size: size,
	})
}

// Of each validator the newest are kept, so that what it does from now on is offered, too; of others nothing goes.
func TestOfOneValidatorTheNewestAreKept(t *testing.T) {
	s := newShelf()
	put(s, "honest", 0, 10)
	for n := range ofOffender + 10 {
		if gone := put(s, "liar", n, 10); (len(gone) == 1) != (n >= ofOffender) {
			t.Fatalf("piece %d: %d gone", n, len(gone))
		}
	}
	if s.of["liar"] != ofOffender || s.of["honest"] != 1 || s.order[1].GetRecordedMillis() != 10 {
		t.Errorf("%v", s.of)
	}
}

// Whoever has most makes room: however many lie, what is against others stays.
func TestAFullShelfKeepsSomethingAgainstEverybody(t *testing.T) {
	s := newShelf()
	for v := range maxEvidence / ofOffender {
		for n := range ofOffender {
			put(s, fmt.Sprint("liar ", v), n, 10)
		}
	}
	for v := range 100 {
		if gone := put(s, fmt.Sprint("other ", v), 0, 10); len(gone) != 1 || len(s.order) != maxEvidence {
			t.Fatalf("%d gone, %d left", len(gone), len(s.order))
		}
	}
	for v := range 100 {
		if s.of[fmt.Sprint("other ", v)] != 1 {
			t.Errorf("nothing is left against %d", v)
		}
	}
	if len(s.byID) != len(s.order) {
		t.Errorf("%d and %d", len(s.byID), len(s.order))
	}
}

func TestAShelfHoldsSoManyBytes(t *testing.T) {
	s := newShelf()
	for n := range 10 {
		put(s, "liar", n, maxBytes/4)
	}
	if s.bytes > maxBytes || len(s.order) != 4 {
		t.Errorf("%d bytes of %d pieces", s.bytes, len(s.order))
	}
}
