package snowman

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
)

// testVotes is the first of five validators with three blocks in its tree, on which nobody has voted.
func testVotes(t *testing.T, connected ...int) *votes {
	r := testRoster(t, 5, connected...)
	v := &votes{tree: tree.New(r.params, testRoot.ID, 0), pool: newPool(5), accepted: newAccepted(testRoot)}
	v.amnesia = &amnesia{turn: testTurn(), params: r.params, tree: v.tree, roster: r, accepted: v.accepted}
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
		if got.PreferredAt != want || got.Preferred != blocks[2].ID() || got.Accepted != testRoot.ID || got.RequestID != 5 {
			t.Errorf("at height %d it prefers %s: %+v", height, got.PreferredAt.Short(), got)
		}
	}
}

func TestWhoMayHaveForgottenAVoteVotesForNothingNew(t *testing.T) {
	v := testVotes(t, 1, 2, 3, 4)
	v.amnesia.begin()
	got := v.answer(node(1), 5, 2).(SendChits)
	if got.Preferred != testRoot.ID || got.PreferredAt != testRoot.ID {
		t.Errorf("it votes for %s", got.Preferred.Short())
	}
}

func TestAmnesiaEndsOnceAllOthersHaveSaidTheSame(t *testing.T) {
	v := testVotes(t, 1, 2, 3, 4)
	a := v.amnesia
	a.begin()
	for i := range 4 {
		if a.remember(); !a.active() {
			t.Fatalf("it ended when %d of 4 had spoken", i)
		}
		a.roster.reported(node(i+1), testRoot.ID, 0)
		a.roster.hint(node(i+1), testRoot.ID)
	}
	if a.remember(); a.active() {
		t.Error("all others stand where this node stands, and it goes on")
	}
}

// Somebody says that it is ahead. That may be true, and is respected, but not for ever.
func TestALiarCantKeepANodeFromVoting(t *testing.T) {
	v := testVotes(t, 1, 2, 3, 4)
	a := v.amnesia
	a.begin()
	begin := a.now
	for i := range 4 {
		a.roster.hint(node(i+1), testRoot.ID)
	}
	a.roster.reported(node(1), primitives.Hash{9}, 1<<40)
	for a.active() {
		at, _ := a.next()
		a.after(at.Sub(a.now))
		a.remember()
		if a.now.Sub(begin) > 2*mostAmnesia {
			t.Fatal("it never ends")
		}
	}
	if took := a.now.Sub(begin); took < mostAmnesia || took > mostAmnesia+time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestWhoHasHeardTooFewDoesntVoteHoweverLongItWaits(t *testing.T) {
	v := testVotes(t, 1, 2)
	a := v.amnesia
	a.begin()
	a.roster.hint(node(1), testRoot.ID)
	for range 1000 {
		at, _ := a.next()
		a.after(at.Sub(a.now))
		a.remember()
	}
	if !a.active() {
		t.Error("it heard one of four, and votes")
	}
}

func TestTheOnlyVoterHasNothingToForget(t *testing.T) {
	a := &amnesia{turn: testTurn(), roster: testRoster(t, 1)}
	if a.begin(); a.active() {
		t.Error("it waits for others")
	}
}
