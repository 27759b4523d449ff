package snowman

import (
	"cmp"
	"slices"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// proposals are the headers that each proposer has signed lately. Two of them for one slot show a fault, which no crash
// explains: a keystore refuses the second. One payload with two signatures is no fault, though it makes two blocks.
//
// A proposer makes this node keep its own headers only, and few. Of too many those of the lowest slots stay, so that
// nobody hides a block behind later ones.
type proposals struct {
	*turn
	chain    block.Chain
	accepted *accepted
	of       map[uint32][]proposal // by proposer, in the order of slots
}

type proposal struct {
	block.Sealed
	accused bool
}

const (
	mostProposals = 32 // headers of one proposer
	oldProposals  = 64 // heights below the last accepted block at which a header is forgotten
)

func newProposals(t *turn, c block.Chain, a *accepted) *proposals {
	return &proposals{turn: t, chain: c, accepted: a, of: make(map[uint32][]proposal)}
}

// contradict tells whether a block, if its signature holds, shows a fault of which nobody has been told.
func (p *proposals) contradict(b *block.Block) bool {
	i, known := p.find(b)
	list := p.of[b.Proposer]
	return known && list[i].Payload != b.Sealed(p.chain).Payload && !accusedAt(list, b.Height)
}

// add remembers a block whose signature holds, and accuses its proposer if it has signed another one for its slot: once
// at a height.
func (p *proposals) add(b *block.Block) {
	i, known := p.find(b)
	switch list := p.of[b.Proposer]; {
	case !known:
		p.of[b.Proposer] = p.trim(slices.Insert(list, i, proposal{Sealed: b.Sealed(p.chain)}))
	case p.contradict(b):
		list[i].accused = true
		p.emit(AccuseBlocks{First: list[i].Sealed, Second: b.Sealed(p.chain)})
	}
}

// find is where the header of a block's slot is, or would be.
func (p *proposals) find(b *block.Block) (int, bool) {
	return slices.BinarySearchFunc(p.of[b.Proposer], b, func(known proposal, b *block.Block) int {
		return cmp.Or(cmp.Compare(known.Payload.Height, b.Height), cmp.Compare(known.Payload.Slot, b.Slot))
	})
}

func (p *proposals) trim(list []proposal) []proposal {
	old := 0
	for old < len(list) && list[old].Payload.Height+oldProposals < p.accepted.root.Height {
		old++
	}
	list = slices.Delete(list, 0, old)
	return list[:min(len(list), mostProposals)]
}

func accusedAt(list []proposal, height uint64) bool {
	return slices.ContainsFunc(list, func(p proposal) bool { return p.accused && p.Payload.Height == height })
}

const forgedBlock = "a block with a wrong signature"

// genuine tells whether a block is signed by the proposer that it names.
func (s *issuing) genuine(b *block.Block) bool {
	return int64(b.Proposer) < int64(s.set.Len()) && s.signed(b, s.set.At(int(b.Proposer)).Key)
}

// late takes a block that can't be issued any more: it may still show that its proposer has signed two.
func (s *issuing) late(b *block.Block, from primitives.NodeID) {
	if !s.mutes.muted(from) && !s.compare(b) {
		s.blame(from, costForged, forgedBlock)
		return
	}
	s.drop(b, from)
}

// compare looks whether the proposer of a block that nobody has checked here has signed another one for its slot.
// False: it hasn't signed this one. The signature is checked only if that is of interest.
func (s *issuing) compare(b *block.Block) bool {
	if !s.seen.contradict(b) {
		return true
	}
	if !s.genuine(b) {
		return false
	}
	s.seen.add(b)
	return true
}
