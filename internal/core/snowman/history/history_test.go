package history

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman/poll"
)

var (
	start = time.Unix(1_000_000, 0)
	a, b  = primitives.Hash{'a'}, primitives.Hash{'b'}
)

func vote(validator int, round uint32, block primitives.Hash, after time.Duration) Vote {
	v := finality.Vote{Validator: validator, Round: round, Phase: finality.Commit, Block: block}
	return Vote{Signed: finality.Signed{Vote: v}, At: start.Add(after)}
}

func TestVotesAreListedAsTheyWereFirstSeen(t *testing.T) {
	h := New(4)
	late := vote(3, 0, a, 5)
	late.Late = true
	for _, v := range []Vote{vote(2, 0, a, 1), vote(1, 0, a, 2), vote(2, 0, a, 3), vote(2, 1, b, 4), late} {
		h.At(7).Voted(v)
	}
	want := []Vote{vote(2, 0, a, 1), vote(1, 0, a, 2), vote(2, 1, b, 4), late}
	if diff := cmp.Diff(want, h.Get(7).Votes()); diff != "" {
		t.Error(diff)
	}
	if h.Find(b).Number != 7 || h.Find(primitives.Hash{'c'}) != nil {
		t.Error("the height isn't found by a block that somebody has voted for")
	}
}

func TestTheHighestHeightsAreRemembered(t *testing.T) {
	h := New(4)
	for height := uint64(1); height <= 1000; height++ {
		h.At(height).Voted(vote(0, 0, a, 0))
	}
	h.At(5000).End(&finality.Proof{Block: b}, start)
	if h.At(1).Voted(vote(0, 0, a, 0)); h.Get(1) != nil {
		t.Error("a low height comes back")
	}
	if len(h.heights) != 1 || h.Find(b) != h.Get(5000) {
		t.Errorf("%d heights are remembered", len(h.heights))
	}
	for height := uint64(5001); height <= 6000; height++ {
		h.At(height)
	}
	if len(h.heights) != Heights || h.Get(6000) == nil || h.Get(6001-Heights) == nil {
		t.Errorf("%d heights are remembered", len(h.heights))
	}
	if few := Most(10_000); few != leastKept || Most(1) != Heights {
		t.Errorf("of ten thousand validators %d heights", few)
	}
}

// A validator signs votes of as many rounds as it likes.
func TestNobodyFillsMoreThanItsOwnPart(t *testing.T) {
	h := New(4)
	h.At(1).Voted(vote(1, 0, a, 0))
	for i := range uint32(1000) {
		h.At(1).Voted(vote(2, i, a, time.Duration(i)))
		h.At(1).Issued(Block{ID: primitives.Hash{byte(i), byte(i >> 8)}})
		h.At(1).Polled(poll.Result{ID: i})
	}
	at := h.Get(1)
	if votes := at.Votes(); len(votes) != 1+VotesOfOne || h.Len() != len(votes) || votes[VotesOfOne].Round != 999 {
		t.Errorf("%d votes, %v", h.Len(), votes)
	}
	if len(at.Blocks) != Blocks || len(at.Polls) != Polls || at.Polls[Polls-1].ID != 999 || !at.Blocks[0].ID.IsZero() {
		t.Errorf("%d blocks and %d polls", len(at.Blocks), len(at.Polls))
	}
}

func TestAnotherVoteForAPlaceIsFoundUntilItsValidatorIsAccused(t *testing.T) {
	h := New(4).At(1)
	h.Voted(vote(2, 0, a, 0))
	for what, other := range map[string]finality.Vote{
		"the same": vote(2, 0, a, 0).Vote, "another round": vote(2, 1, b, 0).Vote,
		"another validator": vote(1, 0, b, 0).Vote, "another phase": {Validator: 2, Phase: finality.Prepare, Block: b},
	} {
		if h.Other(other) != nil {
			t.Errorf("%s contradicts", what)
		}
	}
	if got := h.Other(vote(2, 0, b, 0).Vote); got == nil || got.Block != a {
		t.Errorf("found %v", got)
	}
	h.Accused(2)
	if h.Other(vote(2, 0, b, 0).Vote) != nil {
		t.Error("it is found again")
	}
}

func TestAbsencesAreThoseOfTheLastCertificates(t *testing.T) {
	absences := NewAbsences(3)
	signed := func(by ...int) *finality.Proof {
		p := &finality.Proof{}
		for _, v := range by {
			p.Votes = append(p.Votes, finality.Signature{Validator: v})
		}
		return p
	}
	check := func(certificates int, want ...int) {
		t.Helper()
		got, of := absences.Counts()
		if diff := cmp.Diff(want, got); diff != "" || of != certificates {
			t.Errorf("of %d: %s", of, diff)
		}
	}
	check(0, 0, 0, 0)
	for range Window {
		absences.Add(signed(0, 1))
	}
	check(Window, 0, 0, Window)
	for range 10 {
		absences.Add(signed(1, 2))
	}
	check(Window, 10, 0, Window-10)
	for range Window {
		absences.Add(signed(0, 1, 2))
	}
	check(Window, 0, 0, 0)
}

func TestWhoHasSignedAnotherCertificateIsFound(t *testing.T) {
	h := New(6).At(1)
	h.Voted(vote(0, 0, a, 0))
	late := vote(3, 0, a, 2)
	late.Late = true
	h.Voted(late)
	forged := vote(4, 0, a, 2)
	forged.Late, forged.Signature[0] = true, 1
	h.Voted(forged)
	certify := func(round uint32, block primitives.Hash, by ...int) *finality.Proof {
		p := &finality.Proof{Phase: finality.Commit, Round: round, Block: block}
		for _, v := range by {
			p.Votes = append(p.Votes, finality.Signature{Validator: v})
		}
		return p
	}
	h.End(certify(0, a, 0, 1, 2), start)
	h.Accused(2)
	valid := func(v finality.Signed) bool { return v.Signature[0] == 0 }
	var found []int
	for _, twice := range h.Contradicted(certify(0, b, 0, 1, 2, 3, 4, 5), valid) {
		if twice[0].Block != a || twice[1].Block != b || twice[0].Validator != twice[1].Validator {
			t.Errorf("%v", twice)
		}
		found = append(found, twice[0].Validator)
	}
	if diff := cmp.Diff([]int{0, 1, 3}, found); diff != "" {
		t.Error(diff)
	}
	if list := h.Contradicted(certify(1, b, 0, 1), valid); len(list) != 0 {
		t.Errorf("in another round: %v", list)
	}
}
