package poll

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
)

var start = time.Unix(1000, 0)

func node(i int) primitives.NodeID { return primitives.NodeID{byte(i)} }

func five() (voters []Voter) {
	for i := range 5 {
		voters = append(voters, Voter{Node: node(i), Units: 1})
	}
	return voters
}

var root, a, b, x = primitives.Hash{9}, primitives.Hash{1}, primitives.Hash{2}, primitives.Hash{3}

// forked is a tree of five validators with root <- a <- b and root <- x.
func forked(t *testing.T) *Set {
	tr := tree.New(snowball.For(5), root, 0)
	for _, err := range []error{tr.Add(a, root, 1, 0), tr.Add(b, a, 2, 0), tr.Add(x, root, 1, 0)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return NewSet(tr)
}

func TestAPollEndsWhenAllHaveSpoken(t *testing.T) {
	s := forked(t)
	s.Add(1, five(), start)
	for i, vote := range []primitives.Hash{b, x, b, x, b} {
		if _, ok := s.Take(start); ok {
			t.Fatalf("finished after %d of 5", i)
		}
		s.Vote(1, node(i), vote, start)
	}
	r, ok := s.Take(start)
	if !ok || len(r.Votes) != 5 || r.Missing != 0 {
		t.Errorf("%+v, %v", r, ok)
	}
}

func TestAPollEndsWhenNoVoteCanChangeItAnyMore(t *testing.T) {
	s := forked(t)
	s.Add(1, five(), start)
	for i := range 4 {
		if _, ok := s.Take(start); ok {
			t.Fatalf("finished after %d of 5", i)
		}
		s.Vote(1, node(i), b, start)
	}
	if r, ok := s.Take(start); !ok || r.Missing != 1 {
		t.Errorf("%+v, %v", r, ok)
	}
}

func TestVotesForDescendantsCountForTheirAncestors(t *testing.T) {
	s := forked(t)
	s.Add(1, five(), start)
	// Two for a, one for its child b: a has its majority. The remaining two can still decide whether it has four.
	for i, v := range []primitives.Hash{a, b, a} {
		s.Vote(1, node(i), v, start)
	}
	if _, ok := s.Take(start.Add(time.Hour)); ok {
		t.Error("finished although confidence was open")
	}
	s.Vote(1, node(3), x, start)
	s.Vote(1, node(4), x, start)
	if _, ok := s.Take(start); !ok {
		t.Error("not finished although all have spoken")
	}
}

func TestAPollThatCanNotSucceedEndsEarly(t *testing.T) {
	s := forked(t)
	s.Add(1, five(), start)
	for i := range 3 {
		s.Vote(1, node(i), primitives.Hash{}, start)
	}
	// There are rivals, so who can still be heard is waited for, but not for long.
	if _, ok := s.Take(start); ok {
		t.Fatal("a tie was counted before the last votes could come")
	}
	at, _ := s.Next()
	if r, ok := s.Take(at); !ok || r.Missing != 5 || at.Sub(start) > mostTieWait {
		t.Errorf("%+v, %v", r, ok)
	}
}

func TestAValidatorHasOneVote(t *testing.T) {
	s := forked(t)
	s.Add(1, []Voter{{node(0), 3}, {node(1), 2}}, start)
	s.Vote(1, node(0), a, start)
	s.Vote(1, node(0), x, start)
	s.Vote(1, node(7), x, start)
	s.Vote(1, node(1), a, start)
	r, ok := s.Take(start)
	if !ok || len(r.Votes) != 2 || r.Votes[0].Units != 3 || r.Votes[0].Block != a {
		t.Errorf("%+v, %v", r, ok)
	}
}

func TestPollsAreReleasedOldestFirst(t *testing.T) {
	s := forked(t)
	s.Add(1, five(), start)
	s.Add(2, five(), start)
	for i := range 5 {
		s.Vote(2, node(i), a, start)
	}
	if _, ok := s.Take(start); ok {
		t.Fatal("the second was released before the first")
	}
	for i := range 5 {
		s.Vote(1, node(i), a, start)
	}
	first, _ := s.Take(start)
	second, ok := s.Take(start)
	if first.ID != 1 || second.ID != 2 || !ok {
		t.Errorf("released %d, %d, %v", first.ID, second.ID, ok)
	}
}
