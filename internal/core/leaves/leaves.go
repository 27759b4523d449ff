// Package leaves turns what the engine reports (blocks issued, blocks accepted) into the signals that every subsystem
// gets. It is pure. The rules are those of the overseer chapter of the protocol: a block with a child is no leaf; what
// finality has left behind is none either; a finalised block that is itself a leaf stays one; a block imported twice is
// activated once.
package leaves

import "github.com/reevenet/reeve/internal/core/primitives"

// Block is a leaf.
type Block struct {
	Hash, Parent primitives.Hash
	Number       uint64
}

// Change is what one event makes of the leaves. Finality comes first, then what stops, then what starts.
type Change struct {
	Finalized *Block
	Stopped   []primitives.Hash
	Started   []Block
}

// Empty tells whether nothing changes.
func (c Change) Empty() bool { return c.Finalized == nil && len(c.Stopped) == 0 && len(c.Started) == 0 }

// remembered is how many blocks that are no leaves any more are known by hash, so that one reported again doesn't come
// back.
const remembered = 4096

// Set is the active leaves and the last finalised block.
type Set struct {
	active    []Block
	finalized Block
	final     bool
	past      map[primitives.Hash]bool
	pastOrder []primitives.Hash
}

// New is a set without leaves.
func New() *Set { return &Set{past: map[primitives.Hash]bool{}} }

// Import notes that a block was verified and issued.
func (s *Set) Import(b Block) Change {
	if s.IsActive(b.Hash) || s.past[b.Hash] || (s.final && b.Number < s.finalized.Number) {
		return Change{}
	}
	c := Change{Started: []Block{b}}
	if s.IsActive(b.Parent) {
		c.Stopped = []primitives.Hash{b.Parent}
		s.drop(b.Parent)
	}
	s.active = append(s.active, b)
	return c
}

// Finalize notes that a block was accepted.
func (s *Set) Finalize(hash primitives.Hash, number uint64) Change {
	if s.final && number <= s.finalized.Number {
		return Change{}
	}
	s.finalized, s.final = Block{Hash: hash, Number: number}, true
	f := s.finalized
	c := Change{Finalized: &f}
	for _, l := range append([]Block(nil), s.active...) {
		if l.Number <= number && l.Hash != hash {
			c.Stopped = append(c.Stopped, l.Hash)
			s.drop(l.Hash)
		}
	}
	return c
}

// Active lists the leaves, oldest first.
func (s *Set) Active() []Block { return append([]Block(nil), s.active...) }

// Finalized returns the last finalised block, if there is one.
func (s *Set) Finalized() (Block, bool) { return s.finalized, s.final }

// IsActive tells whether a block is a leaf.
func (s *Set) IsActive(h primitives.Hash) bool {
	for _, l := range s.active {
		if l.Hash == h {
			return true
		}
	}
	return false
}

func (s *Set) drop(h primitives.Hash) {
	for i, l := range s.active {
		if l.Hash == h {
			s.active = append(s.active[:i:i], s.active[i+1:]...)
			break
		}
	}
	s.past[h] = true
	s.pastOrder = append(s.pastOrder, h)
	if len(s.pastOrder) > remembered {
		delete(s.past, s.pastOrder[0])
		s.pastOrder = s.pastOrder[1:]
	}
}
