// Package availability decides what an availability store keeps of each candidate, for how long, and what goes first
// when there is too little room. It is pure: it holds what is known of each candidate, is told what happened and when,
// and returns what to write and delete. The bytes themselves it never sees, only their sizes; that a chunk belongs to
// its candidate is checked before it is handed in.
//
// A candidate goes through these states:
//
//	Proposed     this node keeps its data in order to sign for it, and no block has put it on a core: an hour
//	Backed       a block has put it on a core: an hour
//	Unfinalized  a block, or several on forks, have included it: until one of them is final, or none is left; in the
//	             latter case it is Backed again, for another hour
//	Finalized    a final block has included it: 25 hours
//
// Chunks are taken only of candidates that a block has backed or included, so that nobody can fill the disk by talking.
// What happens again prolongs nothing.
//
// Time is what has passed while the store was running (see age.go), so no clock that somebody sets makes it keep or
// drop anything, and a restart leaves every term as it was.
package availability

import (
	"container/list"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// State is how far a candidate has come.
type State uint8

// The states, and how many there are.
const (
	Proposed State = iota
	Backed
	Unfinalized
	Finalized
	states
)

// How long what is kept is kept, from when the candidate came into its state. The second is longer than the day for
// which a candidate may have to be checked again, by what it takes to ask for that and to answer.
const (
	KeepUnavailable = time.Hour
	KeepFinalized   = 25 * time.Hour
)

// terms are how long a candidate stays in a state; zero: without an end.
var terms = [states]time.Duration{Proposed: KeepUnavailable, Backed: KeepUnavailable, Finalized: KeepFinalized}

// Block is a block of the relay chain that includes a candidate.
type Block struct {
	Number uint64
	Hash   primitives.Hash
}

// Store is what is known of all candidates.
type Store struct {
	limits     Limits
	candidates map[primitives.Hash]*candidate
	lines      [states]*list.List // of *candidate, in the order in which they came into the state
	used       [states]amount
	waiting    map[uint64]map[primitives.Hash]bool // candidates that blocks of a height include, and aren't final
	clock
	number  uint64 // of the last batch
	writing []writing
}

type candidate struct {
	Record
	place *list.Element
}

// New is an empty store, which begins to run now.
func New(limits Limits, now time.Time) *Store {
	s := &Store{
		limits: limits, candidates: map[primitives.Hash]*candidate{}, waiting: map[uint64]map[primitives.Hash]bool{},
		clock: clock{last: now},
	}
	for i := range s.lines {
		s.lines[i] = list.New()
	}
	return s
}

// enter puts a candidate, which is in no line, at the end of that of its state.
func (s *Store) enter(c *candidate, to State) {
	c.State, c.Since = to, s.age
	s.line(c)
}

func (s *Store) line(c *candidate) {
	s.candidates[c.Candidate] = c
	c.place = s.lines[c.State].PushBack(c)
	s.used[c.State].add(1, c.Bytes)
}

func (s *Store) leave(c *candidate) {
	s.lines[c.State].Remove(c.place)
	s.used[c.State].add(-1, -c.Bytes)
}

func (s *Store) move(c *candidate, to State) {
	s.leave(c)
	s.enter(c, to)
}

// forget drops a candidate. It isn't Unfinalized: those have no term and don't make room, so nothing waits for it.
func (s *Store) forget(c *candidate) Action {
	s.leave(c)
	delete(s.candidates, c.Candidate)
	return Drop{Candidate: c.Candidate}
}

// Backed notes that a block has put a candidate on a core, in a session of so many validators.
func (s *Store) Backed(hash primitives.Hash, validators uint32, now time.Time) (Outcome, Batch) {
	s.advance(now)
	c := s.candidates[hash]
	if c != nil && c.State != Proposed {
		return AlreadyStored, Batch{}
	}
	return s.note(hash, validators, Backed, func(*candidate) {})
}

// Included notes that a block has included a candidate. That it has been backed before goes without saying.
func (s *Store) Included(hash primitives.Hash, validators uint32, in Block, now time.Time) (Outcome, Batch) {
	s.advance(now)
	c := s.candidates[hash]
	switch {
	case c != nil && (c.State == Finalized || c.includedBy(in)):
		return AlreadyStored, Batch{}
	case c != nil && len(c.Blocks) >= maxBlocks:
		return NoSpace, Batch{}
	case c != nil && c.State == Unfinalized:
		s.include(c, in)
		return Stored, s.batch(c.record())
	}
	return s.note(hash, validators, Unfinalized, func(c *candidate) { s.include(c, in) })
}

// note brings a candidate, which may be unknown, to a state, if there is room for one more.
func (s *Store) note(hash primitives.Hash, validators uint32, to State, then func(*candidate)) (Outcome, Batch) {
	if c := s.candidates[hash]; c != nil {
		if c.Validators != validators {
			return IndexMismatch, Batch{}
		}
		s.move(c, to)
		then(c)
		return Stored, s.batch(c.record())
	}
	c := &candidate{Record: Record{Candidate: hash, State: to, Validators: validators}}
	dropped, ok := s.makeRoom(c, amount{count: 1})
	if !ok {
		return NoSpace, Batch{}
	}
	s.enter(c, to)
	then(c)
	return Stored, s.batch(append(dropped, c.record())...)
}

// Finalized notes that blocks are final. Of each height that Awaiting has listed there should be one; a height without
// one goes on waiting.
func (s *Store) Finalized(chain []Block, now time.Time) Batch {
	s.advance(now)
	var actions []Action
	for _, b := range chain {
		for _, hash := range sorted(s.waiting[b.Number]) {
			c := s.candidates[hash]
			s.settle(c, b)
			actions = append(actions, c.record())
		}
	}
	return s.batch(actions...)
}

// settle is what a final block means for a candidate that a block of its height includes.
func (s *Store) settle(c *candidate, final Block) {
	if c.includedBy(final) {
		for len(c.Blocks) > 0 {
			s.exclude(c, c.Blocks[0].Number)
		}
		s.move(c, Finalized)
		return
	}
	s.exclude(c, final.Number)
	if len(c.Blocks) == 0 {
		s.move(c, Backed)
	}
}
