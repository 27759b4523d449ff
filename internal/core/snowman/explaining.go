package snowman

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman/history"
)

// What a core tells people who ask why.

// BlockState is what is made of a block.
type BlockState uint8

// The states. They are those of the protocol.
const (
	Unknown    BlockState = iota
	Waiting               // for its parent, its time, or a place at the VM
	Verifying             // by the VM
	Processing            // valid, and not decided
	Decided
	Rejected // another one was decided in its place, or in that of one that it builds on
	BadBlock // it breaks the rules, or builds on a block that does
)

// StateOf is what is made of a block now, and at which height it is; 0 where that isn't known.
func (c *Core) StateOf(id primitives.Hash) (s BlockState, height uint64) {
	if at := c.history.Find(id); at != nil {
		height = at.Number
	}
	if decided, ok := c.accepted.heights[id]; ok {
		return Decided, decided
	}
	if e := c.pool.get(id); e != nil {
		return Waiting + BlockState(e.state), e.block.Height // in the same order
	}
	switch c.pool.known[id].verdict {
	case invalid:
		s = BadBlock
	case lost:
		s = Rejected
	}
	return s, height
}

// Remembered is what was seen of a height lately; nil: nothing. It isn't kept and not changed.
func (c *Core) Remembered(height uint64) *history.Height { return c.history.Get(height) }

// Absences are, by validator, how many of so many last certificates lack its vote.
func (c *Core) Absences() (by []int, certificates int) { return c.absences.Counts() }

// Standing is where this node is in the rounds of a height. Locked and valid are zero where there is no such block.
type Standing struct {
	Height        uint64
	Round         uint32
	Locked, Valid primitives.Hash
	Begun         bool  // somebody has voted or proposed
	Silent        []int // validators of which no vote of this round or a later one is known
}

// Standing of now; nil: nothing is being decided, since the node catches up.
func (c *Core) Standing() *Standing {
	i := c.deciding.instance
	if i == nil {
		return nil
	}
	s := &Standing{Height: c.deciding.height, Begun: i.Begun(), Silent: i.Silent()}
	s.Round, s.Locked, s.Valid = i.Round()
	return s
}
