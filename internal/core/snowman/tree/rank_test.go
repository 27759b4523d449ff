package tree

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"pgregory.net/rapid"
)

// Of two blocks with as many votes the earlier proposer's is preferred, whatever ids their authors have found and
// whichever came first. Its place is drawn from the parent, which neither has made.
func TestATieIsTheEarlierProposers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := New(snowball.For(4), id("root"), 0)
		ids := rapid.Permutation([]primitives.Hash{{1}, {2}}).Draw(t, "ids")
		slots := rapid.Permutation([]uint64{1, 3}).Draw(t, "slots")
		for i := range ids {
			if err := tr.Add(ids[i], id("root"), 1, slots[i]); err != nil {
				t.Fatal(err)
			}
		}
		tr.Record([]Vote{{Block: ids[0], Units: 2}, {Block: ids[1], Units: 2}})
		early := ids[0]
		if slots[1] < slots[0] {
			early = ids[1]
		}
		if tip, _ := tr.Preference(); tip != early {
			t.Fatalf("ids %v of slots %v: %v is preferred", ids, slots, tip)
		}
	})
}
