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
			if f.Record(&p, tallies); f.Preference() != early.Choice {
				t.Fatalf("who has seen %v first prefers %v after a tie", first, f.Preference())
			}
		}
	})
}
