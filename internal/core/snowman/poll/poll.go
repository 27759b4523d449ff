// Package poll keeps the polls that are open. A poll asks a sample of validators once each; it is finished when all
// have answered or failed, or when no answer that is still missing could change what it will be taken for. Finished
// polls are reported strictly in the order in which they began, so that "in a row" has a meaning. It is pure.
package poll

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
)

// Voter is one member of a poll's sample and its weight there.
type Voter struct {
	Node  primitives.NodeID
	Units int
}

// Result is a finished poll. Missing is the weight of those who said nothing.
type Result struct {
	ID      uint32
	Began   time.Time
	Votes   []tree.Vote
	Missing int
}

// Judge says what outstanding units could still change of a poll with these votes. *tree.Tree is one.
type Judge interface {
	Judge(votes []tree.Vote, outstanding int) tree.Outlook
}

// Set is the polls that are open, oldest first.
type Set struct {
	judge Judge
	polls []*poll
}

type poll struct {
	id      uint32
	began   time.Time
	waiting map[primitives.NodeID]int
	left    int // units of those
	votes   []tree.Vote
	missing int
	ripe    time.Time // when it is finished without unanimity; zero until it is settled
	done    bool
}

// NewSet makes an empty set.
func NewSet(judge Judge) *Set { return &Set{judge: judge} }

// Len is the number of open polls.
func (s *Set) Len() int { return len(s.polls) }

// Add opens a poll.
func (s *Set) Add(id uint32, voters []Voter, now time.Time) {
	p := &poll{id: id, began: now, waiting: make(map[primitives.NodeID]int, len(voters))}
	for _, v := range voters {
		p.waiting[v.Node] += v.Units
		p.left += v.Units
	}
	s.polls = append(s.polls, p)
}

// Vote records what a voter said. A vote without a block counts as missing. A second one, and one by somebody who
// wasn't asked, is ignored.
func (s *Set) Vote(id uint32, node primitives.NodeID, block primitives.Hash, now time.Time) {
	p := s.find(id)
	if p == nil {
		return
	}
	units, asked := p.waiting[node]
	if !asked {
		return
	}
	delete(p.waiting, node)
	p.left -= units
	if block.IsZero() {
		p.missing += units
	} else {
		p.votes = append(p.votes, tree.Vote{Block: block, Units: units})
	}
	s.judgePoll(p, now)
}

func (s *Set) find(id uint32) *poll {
	for _, p := range s.polls {
		if p.id == id {
			return p
		}
	}
	return nil
}

// The wait for the last votes of a tie, counted from the moment at which they could no longer change everything: a tie
// ends only when enough of those who can be heard are heard.
const (
	leastTieWait = 100 * time.Millisecond
	mostTieWait  = 500 * time.Millisecond
)

func (s *Set) judgePoll(p *poll, now time.Time) {
	if len(p.waiting) == 0 {
		p.done = true
		return
	}
	took := now.Sub(p.began)
	switch outlook := s.judge.Judge(p.votes, p.left); {
	case outlook == tree.Closed:
		p.done = true
	case !p.ripe.IsZero():
	case outlook == tree.Tied:
		p.ripe = now.Add(min(max(4*took, leastTieWait), mostTieWait))
	}
}

// Take removes and returns the oldest poll if it is finished. Call it until it returns false.
func (s *Set) Take(now time.Time) (Result, bool) {
	if len(s.polls) == 0 {
		return Result{}, false
	}
	p := s.polls[0]
	if !p.done && (p.ripe.IsZero() || now.Before(p.ripe)) {
		return Result{}, false
	}
	s.polls[0] = nil
	s.polls = s.polls[1:]
	return Result{ID: p.id, Began: p.began, Votes: p.votes, Missing: p.missing + p.left}, true
}

// Next is when Take will find a poll finished by time alone.
func (s *Set) Next() (time.Time, bool) {
	if len(s.polls) == 0 || s.polls[0].done || s.polls[0].ripe.IsZero() {
		return time.Time{}, false
	}
	return s.polls[0].ripe, true
}

// Clear drops every poll.
func (s *Set) Clear() { s.polls = nil }
