package availability

import (
	"cmp"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Batch is what one event makes the store write and delete. Batches are performed in the order of their numbers, each
// as a whole; or, where a disk can't do that, so that a record is written after the parts of which it speaks and goes
// before they do. A batch with the number 0 is empty. Written is to be told when a batch is durable. When one fails,
// none that comes after it may be performed, and Restore begins anew with what is on the disk.
type Batch struct {
	Number  uint64
	Actions []Action
	// Age is to be written with it, for Restore.
	Age time.Duration
}

// Action is something to write or delete. The types below are all there are.
type Action interface{ action() }

type (
	// Put writes parts of a candidate: its data, and chunks by validator.
	Put struct {
		Candidate primitives.Hash
		Data      bool
		Chunks    []uint32
	}
	// Write writes what is known of a candidate in place of what was.
	Write struct{ Record Record }
	// Drop deletes all that is there of a candidate.
	Drop struct{ Candidate primitives.Hash }
)

func (Put) action()   {}
func (Write) action() {}
func (Drop) action()  {}

// batch has actions performed, if there are any.
func (s *Store) batch(actions ...Action) Batch {
	if len(actions) == 0 {
		return Batch{}
	}
	return s.numbered(actions)
}

func (s *Store) numbered(actions []Action) Batch {
	s.number++
	s.marked = s.age
	return Batch{Number: s.number, Actions: actions, Age: s.age}
}

// Restore is a store that goes on with the records, and the age of the last batch, that are on the disk. Parts of
// candidates without a record are what a crash has left, and may be deleted.
func Restore(limits Limits, records []Record, age time.Duration, now time.Time) *Store {
	s := New(limits, now)
	records = slices.Clone(records)
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), a.Candidate.Compare(b.Candidate))
	})
	for _, r := range records {
		c := &candidate{Record: r}
		c.Record = c.copy()
		s.line(c)
		for _, b := range c.Blocks {
			s.await(c, b)
		}
		age = max(age, r.Since) // which was written later, where a batch isn't written as a whole
	}
	s.age, s.marked = age, age
	return s
}
