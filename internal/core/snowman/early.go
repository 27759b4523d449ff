package snowman

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/finality"
)

// early keeps votes of the heights just above the one that is being decided: who is a little ahead has sent them
// already, and nobody sends them again soon. A validator makes this node keep its own votes only, and few.
type early struct {
	of map[int][]earlyVote // by validator, oldest first
}

type earlyVote struct {
	height uint64
	vote   finality.Signed
}

const (
	earlyHeights = 4 // above the one that is being decided
	earlyVotes   = 8 // of one validator
)

// add keeps a vote with a signature that holds.
func (e *early) add(height uint64, v finality.Signed) {
	if e.of == nil {
		e.of = make(map[int][]earlyVote)
	}
	list := append(e.of[v.Validator], earlyVote{height, v})
	e.of[v.Validator] = list[max(0, len(list)-earlyVotes):]
}

// has tells whether the vote is kept already.
func (e *early) has(height uint64, v finality.Vote) bool {
	return slices.ContainsFunc(e.of[v.Validator],
		func(k earlyVote) bool { return k.height == height && k.vote.Vote == v })
}

// take removes the votes of a height, and those below it, and returns the former in the order of validators.
func (e *early) take(height uint64) (votes []finality.Signed) {
	for v, list := range e.of { // sorted below
		left := slices.DeleteFunc(list, func(k earlyVote) bool {
			if k.height == height {
				votes = append(votes, k.vote)
			}
			return k.height <= height
		})
		if e.of[v] = left; len(left) == 0 {
			delete(e.of, v)
		}
	}
	finality.SortVotes(votes)
	return votes
}
