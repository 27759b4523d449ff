package snowman

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/snowman/history"
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
// meanwhile. What the VM couldn't judge is set aside and shown to it again.
type issuing struct {
	*turn
	self     primitives.NodeID
	set      *validators.Set
	signed   func(*block.Block, ed25519.PublicKey) bool
	places   places
	tree     *tree.Tree
	pool     *pool
	accepted *accepted
	fetching *fetching
	building *building
	catchUp  *catchUp
	mutes    *mutes
	seen     *proposals
	history  *history.History
	doubts   doubts
	future
}

// receive takes a block that has been decoded. asked: whoever sent it is who made this node want it.
func (s *issuing) receive(b *block.Block, from primitives.NodeID, asked bool) {
	a := account(b.Proposer)
	if asked || from == s.self {
		a = accountOf(s.set, from)
	}
	s.take(b, from, a)
}

// take keeps a block for an account, if there is room, and goes on with it.
func (s *issuing) take(b *block.Block, from primitives.NodeID, a account) {
	switch {
	case s.knows(b.ID()) || b.Height > s.accepted.root.Height+maxAhead:
		return // known, or so far ahead that catching up will bring it
	case s.hasLost(b):
		s.late(b, from)
		return
	case from != s.self && (s.mutes.muted(from) || !s.pool.mayHold(a, b.Height)):
		return
	case !s.genuine(b):
		s.blame(from, costForged, forgedBlock)
		return
	}
	s.seen.add(b)
	if from != s.self && !s.pool.makeRoom(a, b) {
		return
	}
	e := &entry{block: b, from: from, account: a, came: s.now}
	s.pool.add(e)
	s.advance(e)
}

func (s *issuing) knows(id primitives.Hash) bool {
	return s.pool.get(id) != nil || s.pool.isJudged(id)
}

// hasLost tells whether another block was accepted in a block's place, or in that of one that it builds on.
func (s *issuing) hasLost(b *block.Block) bool {
	root := s.accepted.root
	switch {
	case b.Height <= root.Height || b.Height == root.Height+1 && b.Parent != root.ID:
		return true
	}
	return s.pool.isLost(b.Parent) || b.Parent != root.ID && s.accepted.has(b.Parent)
}

// drop remembers a block that has lost and isn't kept, and drops what waits for it. One that was accepted is of no use
// here either.
func (s *issuing) drop(b *block.Block, from primitives.NodeID) {
	if s.accepted.has(b.ID()) {
		return
	}
	s.pool.mark(b, accountOf(s.set, from), lost)
	s.pool.loseDescendants(b.ID())
	if from == s.self {
		s.building.pendingTxs()
	}
}

// advance has a waiting block verified if its parent is issued and there is a place for it, and looks for the parent
// otherwise.
func (s *issuing) advance(e *entry) {
	if e.state != waiting || s.catchUp.active() {
		return
	}
	parent := e.block.Parent
	switch {
	case s.pool.isInvalid(parent):
		s.pool.condemn(e)
	case s.hasLost(e.block):
		s.lose(e)
	case s.tree.Knows(parent):
		// Otherwise it is tried again when something changes.
		if !s.tooEarly(e) && s.places.free(s.pool.use(e.account), s.tree.Len()+s.pool.atVM) {
			s.verify(e)
		}
	case s.pool.get(parent) == nil && s.pool.mayHold(e.account, e.block.Height-1):
		s.fetching.wantFor(e.account, parent, e.from)
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
	known := id.IsZero() || s.tree.Knows(id) || s.knows(id) || s.accepted.has(id)
	if a := accountOf(s.set, from); !known && !s.catchUp.active() && s.pool.mayHold(a, s.accepted.root.Height) {
		s.fetching.wantFor(a, id, from)
	}
}

func (s *issuing) verify(e *entry) {
	b := e.block
	height, time := s.parentOf(b)
	if b.Height != height+1 {
		s.condemn(e, "a block with a wrong height")
		return
	}
	order := s.building.proposers(b.Height)
	if err := proposer.Check(order, b.Proposer, b.Slot, b.Time, time); err != nil {
		s.condemn(e, err.Error())
		return
	}
	if proposer.Future(b.Time, s.now) {
		s.postpone(e) // not wrong, only early
		return
	}
	doubted := s.doubts.ask(b)
	if b.Slot == 0 && !doubted {
		s.building.firstCame()
	}
	s.pool.enter(e, verifying)
	s.emit(Verify{Block: b, Doubted: doubted})
}

func (s *issuing) parentOf(b *block.Block) (height, time uint64) {
	if root := s.accepted.root; b.Parent == root.ID {
		return root.Height, root.Time
	}
	p := s.pool.get(b.Parent).block
	return p.Height, p.Time
}

// answered is the block about which the VM has answered. Nil: nobody waits for that any more.
func (s *issuing) answered(id primitives.Hash) *entry {
	s.doubts.answered(id)
	e := s.pool.get(id)
	if e == nil || e.state != verifying {
		s.advanceAll() // another one of its proposer may have waited for the answer
		return nil
	}
	return e
}

// verified issues a block, and returns it. Nil: it isn't issued.
func (s *issuing) verified(id primitives.Hash) *entry {
	e := s.answered(id)
	if e == nil {
		return nil
	}
	s.doubts.judged(s.pool, e.block)
	if e.unwanted || s.tree.Add(id, e.block.Parent, e.block.Height, e.block.Slot) != nil {
		s.lose(e)
		s.emit(Reject{Block: e.block})
		s.advanceAll() // its place is free
		return nil
	}
	if e.from == s.self {
		s.building.refusals = 0
	}
	s.pool.enter(e, issued)
	s.history.At(e.block.Height).Issued(history.Block{
		ID: id, Proposer: e.block.Proposer, Slot: e.block.Slot, From: e.from, Came: e.came, Issued: s.now,
	})
	s.emit(Import{Block: e.block})
	return e
}

// invalid forgets a block that breaks the VM's rules, and everything that builds on it.
func (s *issuing) invalid(id primitives.Hash, reason string) {
	e := s.answered(id)
	if e == nil {
		return
	}
	s.doubts.judged(s.pool, e.block)
	if e.unwanted {
		s.lose(e)
	} else {
		s.report(e.from, costInvalid, "an invalid block: "+reason)
		s.pool.condemn(e)
		if e.from == s.self {
			s.building.refused(reason)
		}
	}
	s.advanceAll() // its place is free
}

// condemn is for a block with a header that can never be valid: whoever sent it should have known.
func (s *issuing) condemn(e *entry, why string) {
	s.blame(e.from, costInvalid, why)
	s.pool.condemn(e)
}

// blame is for whoever sent what it could have known to be wrong without asking anybody. It isn't heard for a while.
func (s *issuing) blame(n primitives.NodeID, cost int, why string) {
	s.report(n, cost, why)
	s.mutes.mute(n)
}

func (s *issuing) report(n primitives.NodeID, cost int, why string) {
	if n != s.self {
		s.emit(Report{Node: n, Cost: cost, Reason: why})
	}
}

// lose takes a block out that can't be issued any more. What was to be in one of this node's own, which the VM hasn't
// seen again, waits for the next one.
func (s *issuing) lose(e *entry) {
	if e.from == s.self && e.state == waiting {
		s.building.pendingTxs()
	}
	s.pool.lose(e)
}

// clean drops what can't be issued any more, after something was decided.
func (s *issuing) clean() {
	for _, e := range s.pool.sorted() {
		switch lost := s.hasLost(e.block); {
		case s.pool.get(e.block.ID()) != e:
		case e.state == verifying && (lost || !s.tree.Knows(e.block.Parent)):
			e.unwanted = true
		case e.state == waiting && lost:
			s.lose(e)
		}
	}
}
