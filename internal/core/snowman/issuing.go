package snowman

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/snowman/tree"
	"github.com/reevenet/reeve/internal/core/validators"
)

// What conduct costs; a peer is dropped at 1000.
const (
	costUndecodable = 100
	costForged      = 500
	costInvalid     = 200
	costUseless     = 20
)

// issuing brings a block from its arrival into the tree. A block is verified by the VM after its parent is issued and
// its own header has been checked, once; it is issued when the VM found it valid and it hasn't lost its place
// meanwhile.
type issuing struct {
	*turn
	self        primitives.NodeID
	set         *validators.Set
	signed      func(*block.Block, ed25519.PublicKey) bool
	outstanding int // blocks in the tree, at most
	tree        *tree.Tree
	pool        *pool
	accepted    *accepted
	fetching    *fetching
	building    *building
	catchUp     *catchUp
}

// receive takes a block that has been decoded. asked: this node fetched it, so there is room for it.
func (s *issuing) receive(b *block.Block, from primitives.NodeID, asked bool) {
	root := s.accepted.root.Height
	switch {
	case s.knows(b.ID()) || b.Height <= root || b.Height > root+maxAhead:
		return // known, decided, or so far ahead that catching up will bring it
	case int64(b.Proposer) >= int64(s.set.Len()) || !s.signed(b, s.set.At(int(b.Proposer)).Key):
		s.emit(Report{Node: from, Cost: costForged, Reason: "a block with a wrong signature"})
		return
	case !asked && from != s.self && !s.pool.room(b):
		return
	}
	e := &entry{block: b, from: from}
	s.pool.add(e)
	s.advance(e)
}

func (s *issuing) knows(id primitives.Hash) bool {
	return s.pool.get(id) != nil || s.pool.isInvalid(id)
}

// advance has a waiting block verified if its parent is issued, and looks for the parent otherwise.
func (s *issuing) advance(e *entry) {
	if e.state != waiting || s.catchUp.active() {
		return
	}
	parent := e.block.Parent
	switch {
	case s.pool.isInvalid(parent):
		s.pool.condemn(e)
	case s.tree.Knows(parent):
		if s.tree.Len() < s.outstanding { // otherwise tried again when something is decided
			s.verify(e)
		}
	case s.pool.get(parent) == nil:
		s.fetching.want(parent, e.from)
	}
}

// advanceAll looks at everything that waits.
func (s *issuing) advanceAll() {
	for _, e := range s.pool.sorted() {
		if s.pool.get(e.block.ID()) == e {
			s.advance(e)
		}
	}
}

// look fetches a block that a peer speaks of and that nobody here knows; or, if that one waits, the ancestor that is
// missing.
func (s *issuing) look(id primitives.Hash, from primitives.NodeID) {
	for e := s.pool.get(id); e != nil && e.state == waiting; e = s.pool.get(id) {
		id = e.block.Parent
	}
	if !id.IsZero() && !s.tree.Knows(id) && !s.knows(id) && !s.accepted.has(id) && !s.catchUp.active() {
		s.fetching.want(id, from)
	}
}

func (s *issuing) verify(e *entry) {
	b := e.block
	height, time := s.parentOf(b)
	if b.Height != height+1 {
		s.condemn(e, "a block with a wrong height")
		return
	}
	order := s.building.proposers(b.Parent, b.Height)
	if err := proposer.Check(order, b.Proposer, b.Slot, b.Time, time); err != nil {
		s.condemn(e, err.Error())
		return
	}
	if proposer.Future(b.Time, s.now) {
		s.pool.forget(e) // not wrong, only early; it will be voted for and fetched again
		return
	}
	if b.Slot == 0 {
		s.building.firstCame()
	}
	e.state = verifying
	s.emit(Verify{Block: b})
}

func (s *issuing) parentOf(b *block.Block) (height, time uint64) {
	if root := s.accepted.root; b.Parent == root.ID {
		return root.Height, root.Time
	}
	p := s.pool.get(b.Parent).block
	return p.Height, p.Time
}

// verified issues a block, and returns it. Nil: it isn't issued.
func (s *issuing) verified(id primitives.Hash) *entry {
	e := s.pool.get(id)
	if e == nil || e.state != verifying {
		return nil
	}
	if e.unwanted || s.tree.Add(id, e.block.Parent, e.block.Height) != nil {
		s.pool.forget(e)
		s.emit(Reject{Block: e.block})
		return nil
	}
	e.state = issued
	s.emit(Import{Block: e.block})
	return e
}

// invalid forgets a block that breaks the VM's rules, and everything that builds on it.
func (s *issuing) invalid(id primitives.Hash, reason string) {
	switch e := s.pool.get(id); {
	case e == nil || e.state != verifying:
	case e.unwanted:
		s.pool.forget(e)
	default:
		s.condemn(e, "an invalid block: "+reason)
	}
}

// condemn is for a block that can never be valid: whoever sent it should have known.
func (s *issuing) condemn(e *entry, why string) {
	if e.from != s.self {
		s.emit(Report{Node: e.from, Cost: costInvalid, Reason: why})
	}
	s.pool.condemn(e)
}

// clean drops what can't be issued any more, after something was decided.
func (s *issuing) clean() {
	root := s.accepted.root
	for _, e := range s.pool.sorted() {
		b := e.block
		lost := b.Height <= root.Height || b.Height == root.Height+1 && b.Parent != root.ID
		switch {
		case e.state == verifying && (lost || !s.tree.Knows(b.Parent)):
			e.unwanted = true
		case e.state == waiting && lost:
			s.pool.forget(e)
			s.pool.forgetDescendants(b.ID())
		}
	}
}
