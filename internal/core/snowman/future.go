package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/proposer"
)

// future is when the first of the blocks that came too early, or were set aside, may be looked at. They wait in the
// pool, in the room of their accounts, and aren't fetched again. A block of this node is one of them when its clock
// went back after it was built.
type future struct{ opens time.Time } // zero: there is none

// next is when one of them may be looked at.
func (f *future) next() (time.Time, bool) { return f.opens, !f.opens.IsZero() }

// postpone has a block looked at when its time has come.
func (s *issuing) postpone(e *entry) {
	e.due = proposer.Opens(e.block.Time)
	s.wake(e.due)
}

// wake has everything that waits looked at when a time has come.
func (f *future) wake(at time.Time) {
	if f.opens.IsZero() || at.Before(f.opens) {
		f.opens = at
	}
}

// open looks at the blocks whose time has come.
func (s *issuing) open() {
	if !s.opens.IsZero() && !s.now.Before(s.opens) {
		s.opens = time.Time{}
		s.advanceAll()
	}
}
