package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/proposer"
)

// future is when the first of the blocks that came too early may be looked at. They wait in the pool, in the room of
// their accounts, and aren't fetched again. A block of this node is one of them when its clock went back after it was
// built.
type future struct{ opens time.Time } // zero: there is none

// next is when a block from the future may be looked at.
func (f *future) next() (time.Time, bool) { return f.opens, !f.opens.IsZero() }

// postpone has a block looked at when its time has come.
func (s *issuing) postpone(e *entry) {
	e.due = proposer.Opens(e.block.Time)
	if s.opens.IsZero() || e.due.Before(s.opens) {
		s.opens = e.due
	}
}

// open looks at the blocks whose time has come.
func (s *issuing) open() {
	if !s.opens.IsZero() && !s.now.Before(s.opens) {
		s.opens = time.Time{}
		s.advanceAll()
	}
}
