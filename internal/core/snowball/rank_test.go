package snowball

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"pgregory.net/rapid"
)

// Whoever proposes later may try ids until it has one as low as it likes.
func TestNoIDMakesUpForALaterRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := For(4)
		id := rapid.SliceOfN(rapid.Byte(), 2, 2).Filter(func(b []byte) bool { return b[0] != b[1] }).Draw(t, "ids")
		early := Tally{Choice: primitives.Hash{1: id[0]}, Rank: 4, Votes: 2}
		late := Tally{Choice: primitives.Hash{1: id[1]}, Rank: 6, Votes: 2}
		tallies := rapid.Permutation([]Tally{early, late}).Draw(t, "tallies")
		for _, first := range tallies { // that a voter has seen
			var f Flake
			f.Add(first.Choice)
			if f.Record(&p, tallies, false); f.Preference() != early.Choice {
				t.Fatalf("who has seen %v first prefers %v after a tie", first, f.Preference())
			}
		}
	})
}

func TestADeadlockEndsWithTheFirstInRank(t *testing.T) {
	p := For(13) // a preference takes 7, a decision 10, 3 may lie
	for _, ranks := range [][2]uint64{{4, 6}, {6, 4}} {
		most := Tally{Choice: primitives.Hash{9}, Rank: ranks[0], Votes: 8}
		least := Tally{Choice: primitives.Hash{1}, Rank: ranks[1], Votes: 5}
		var f Flake
		f.Add(most.Choice)
		moved := false
		for range 8 * p.patience() {
			f.Record(&p, []Tally{most, least}, false)
			moved = moved || f.Preference() == least.Choice
		}
		if moved != (least.Rank < most.Rank) {
			t.Errorf("ranks %v: it moved to the second %v", ranks, moved)
		}
	}
}
