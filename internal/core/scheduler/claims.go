package scheduler

import (
	"errors"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Why a claim isn't taken.
var (
	ErrParachain = errors.New("the para has a core of its own and needs no claim")
	ErrClaimed   = errors.New("the para has a claim already: wait until its candidate is included or the claim lapses")
	ErrFull      = errors.New("as many claims wait as there may be: try again when a candidate has been included")
	ErrNoThreads = errors.New("there is no core that can be claimed: the chain's configuration has no thread cores")
)

// Claim has a para wait for a thread core, for one candidate of the collator. A para has one claim at a time, on its
// core or waiting for it.
func (s *State) Claim(para uint32, collator primitives.Hash) error {
	if s.isParachain(para) {
		return ErrParachain
	}
	if slices.ContainsFunc(s.claims(), func(c Claim) bool { return c.Para == para }) {
		return ErrClaimed
	}
	if err := s.room(); err != nil {
		return err
	}
	s.enqueue(Claim{Assignment: Assignment{Para: para, Collator: collator}})
	return nil
}

func (s *State) isParachain(para uint32) bool {
	_, found := slices.BinarySearch(s.Parachains, para)
	return found
}

func (s *State) room() error {
	switch {
	case s.threads() == 0:
		return ErrNoThreads
	case uint64(len(s.Queue)) >= uint64(s.threads())*uint64(s.Lookahead):
		return ErrFull
	}
	return nil
}

// enqueue puts a claim into the line of the next core.
func (s *State) enqueue(c Claim) {
	c.Lane = s.NextLane
	s.NextLane = (s.NextLane + 1) % s.threads()
	s.Queue = append(s.Queue, c)
}

// head is the place in the queue of who is next on a thread core; below zero: nobody.
func (s *State) head(core int) int {
	lane := s.lane(core)
	return slices.IndexFunc(s.Queue, func(c Claim) bool { return c.Lane == lane })
}

// retry counts that a claim wasn't used. It stands at the end of its line then, or is dropped when it has had all its
// chances.
func (s *State) retry(at int) {
	c := s.Queue[at]
	s.Queue = slices.Delete(s.Queue, at, at+1)
	c.Retries++
	if c.Retries <= s.ThreadRetries {
		s.Queue = append(s.Queue, c)
	}
}

// next is who may use a core when it is empty; nil: nobody.
func (s *State) next(core int) *Assignment {
	if !s.isThread(core) {
		return &Assignment{Para: s.Parachains[core]}
	}
	if at := s.head(core); at >= 0 {
		a := s.Queue[at].Assignment
		return &a
	}
	return nil
}
