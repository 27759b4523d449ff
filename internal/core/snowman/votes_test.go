package snowman

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
)

// testVotes is the first of five validators with three blocks in its tree, on which nobody has voted.
func testVotes(t *testing.T) *votes {
	r := testRoster(t, 5)
	v := &votes{tree: tree.New(r.params, testRoot.ID, 0), pool: newPool(5), accepted: newAccepted(testRoot)}
	for _, b := range chainOf(t, 3, 10) {
		v.pool.add(&entry{block: b, state: issued})
		if err := v.tree.Add(b.ID(), b.Parent, b.Height, b.Slot); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

func TestAVoteCountsForTheNearestAncestorThatIsIssued(t *testing.T) {
	v := testVotes(t)
	tip, height := v.tree.Preference()
	waits := child(t, Anchor{ID: tip, Height: height}, 0, 10)
	v.pool.add(&entry{block: waits})
	bad := child(t, anchorOf(waits), 0, 10)
	v.pool.mark(bad, strangers, invalid)
	for what, at := range map[string]struct{ vote, want primitives.Hash }{
		"an issued block": {tip, tip}, "one that waits": {waits.ID(), tip}, "an invalid one on that": {bad.ID(), tip},
		"the last accepted": {testRoot.ID, testRoot.ID},
	} {
		if got, ok := v.resolve(at.vote); !ok || got != at.want {
			t.Errorf("a vote for %s counts for %s", what, got.Short())
		}
	}
	if got, ok := v.resolve(primitives.Hash{99}); ok {
		t.Errorf("a vote for an unknown block counts for %s", got.Short())
	}
}

func TestAVoteForSomethingDecidedLongAgoCountsForNobody(t *testing.T) {
	v, blocks := testVotes(t), chainOf(t, 3, 10)
	for _, b := range blocks[:2] {
		v.tree.Accept(b.ID())
		v.pool.forget(v.pool.get(b.ID()))
		v.accepted.push(b)
	}
	if got, ok := v.resolve(blocks[0].ID()); !ok || got != blocks[1].ID() {
		t.Errorf("it counts for %s", got.Short())
	}
}

func TestAnAnswerNamesThePreferenceAtTheHeightThatWasAsked(t *testing.T) {
	v, blocks := testVotes(t), chainOf(t, 3, 10)
	for height, want := range map[uint64]primitives.Hash{
		0: testRoot.ID, 1: blocks[0].ID(), 3: blocks[2].ID(), 9: testRoot.ID,
	} {
		got := v.answer(node(1), 5, height).(SendChits)
		if got.PreferredAt != want || got.Preferred != blocks[2].ID() || got.Accepted != testRoot.ID ||
			got.RequestID != 5 {
			t.Errorf("at height %d it prefers %s: %+v", height, got.PreferredAt.Short(), got)
		}
	}
}
