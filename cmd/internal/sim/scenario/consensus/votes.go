package consensus

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// votes looks at what nodes say to each other: that no honest node votes as if it had accepted what isn't durable
// (E3), and that no key ever signs two blocks or two votes for one place.
type votes struct {
	chain *chain
	// signed has the block that a validator has signed for a place.
	signed map[place]*block.Block
	known  map[primitives.Hash]uint64 // every block that was ever shown, with its height
	at     map[uint64][]primitives.Hash
	last   []byte // the frame seen last: one that goes to many is read once
	// asked is the block that each node asked about last: its preference.
	asked []primitives.Hash
	// given has what each node has voted for.
	given    map[ballot]primitives.Hash
	evidence *uint64 // pieces that honest nodes told
}

type place struct {
	proposer     uint32
	height, slot uint64
}

func newVotes(c *chain) *votes {
	return &votes{
		chain: c, signed: map[place]*block.Block{},
		known: map[primitives.Hash]uint64{}, at: map[uint64][]primitives.Hash{},
		asked: make([]primitives.Hash, c.net.size), given: map[ballot]primitives.Hash{},
		evidence: c.net.World.Progress("evidence"),
	}
}

// sees takes a message that a node is about to send.
func (v *votes) sees(from *replica, frame []byte, m *enginev1.PeerMessage) {
	if len(v.last) > 0 && &frame[0] == &v.last[0] {
		return
	}
	v.last = frame
	switch m := m.GetKind().(type) {
	case *enginev1.PeerMessage_Chits:
		v.onChits(from, m.Chits)
	case *enginev1.PeerMessage_PullQuery:
		if id, err := primitives.HashFrom(m.PullQuery.GetContainerId()); err == nil {
			v.prefers(from, id)
		}
	case *enginev1.PeerMessage_PushQuery:
		if b := v.onBlock(from, m.PushQuery.GetContainer()); b != nil {
			v.prefers(from, b.ID())
		}
	case *enginev1.PeerMessage_Evidence:
		v.onEvidence(from, m.Evidence.GetEvidence())
	case *enginev1.PeerMessage_Put:
		v.onBlock(from, m.Put.GetContainer())
	case *enginev1.PeerMessage_Ancestors_:
		for _, b := range m.Ancestors_.GetContainers() {
			v.onBlock(from, b)
		}
	case *enginev1.PeerMessage_Certified:
		v.onBlock(from, m.Certified.GetContainer())
	case *enginev1.PeerMessage_Votes:
		v.onVotes(from, m.Votes)
	}
}

// prefers notes what a node is for. The liars look on.
func (v *votes) prefers(from *replica, id primitives.Hash) {
	if v.asked[from.node.Index] == id {
		return
	}
	v.asked[from.node.Index] = id
	if height, known := v.known[id]; known && !from.liar() {
		v.chain.net.lies.plots.joins(from.node.Index, height, id)
		v.chain.net.lies.late.prefers(from.node.Index, height, id)
	}
}

// onVotes notes what a node votes for, and that it has voted for nothing else at the same place.
func (v *votes) onVotes(from *replica, m *enginev1.Votes) {
	for _, vote := range m.GetVotes() {
		block, ok := blockOf(vote)
		if from.liar() || int(vote.GetValidator()) != from.node.Index {
			continue
		}
		if !ok {
			from.violate("wire", "it sends a vote that can't be read")
			return
		}
		at := ballot{
			of: from.node.Index, height: m.GetHeight(), round: vote.GetRound(), phase: signbytes.Phase(vote.GetPhase()),
		}
		before, twice := v.given[at]
		if twice && before != block {
			from.violate("signatures", "it has given two %s votes at height %d, round %d: %s and %s",
				at.phase, at.height, at.round, before.Short(), block.Short())
		}
		v.given[at] = block
		v.chain.net.lies.late.votes(at.of, at.height, at.round)
	}
}

// ballot is what a node is for at a place: what it has voted for, what it has asked about, or else another block.
func (v *votes) ballot(node int, height uint64, round uint32, p signbytes.Phase, or primitives.Hash) primitives.Hash {
	if block, voted := v.given[ballot{of: node, height: height, round: round, phase: p}]; voted {
		return block
	}
	if asked := v.asked[node]; v.known[asked] == height && height > 0 {
		return asked
	}
	return or
}

func (v *votes) onChits(from *replica, c *enginev1.Chits) {
	if from.liar() {
		return
	}
	id, err := primitives.HashFrom(c.GetAcceptedId())
	height := c.GetAcceptedHeight()
	switch {
	case err != nil:
		from.violate("E3", "it votes without a last accepted block")
	case height > from.Height():
		from.violate("E3", "it votes as if it had accepted height %d, and only %d is durable", height, from.Height())
	case from.IDs[height] != id:
		from.violate("E3", "it votes as if it had accepted %s at height %d, and has %s",
			id.Short(), height, from.IDs[height].Short())
	case height < from.floor():
		from.violate("E3", "it votes as if it stood at height %d, and %d was durable long ago", height, from.floor())
	}
}

// onBlock remembers a block and checks its signature against what the same key has signed before.
func (v *votes) onBlock(from *replica, raw []byte) *block.Block {
	b, err := block.Decode(v.chain.id, raw)
	if err != nil {
		if !from.liar() {
			from.violate("wire", "it sends a block that can't be read")
		}
		return nil
	}
	if _, seen := v.known[b.ID()]; seen {
		return b
	}
	v.known[b.ID()] = b.Height
	v.at[b.Height] = append(v.at[b.Height], b.ID())
	p := place{b.Proposer, b.Height, b.Slot}
	before := v.signed[p]
	v.signed[p] = b
	if before == nil || int(b.Proposer) >= len(v.chain.replicas) || v.chain.replicas[b.Proposer].liar() {
		return b
	}
	key := v.chain.net.Set.At(int(b.Proposer)).Key
	if before.Verify(v.chain.id, key) && b.Verify(v.chain.id, key) {
		owner := v.chain.replicas[b.Proposer]
		owner.violate("signatures", "its key has signed two blocks at height %d, slot %d", b.Height, b.Slot)
	}
	return b
}

// undecided lists the blocks that were shown at the lowest height that isn't decided anywhere.
func (v *votes) undecided() []primitives.Hash { return v.at[uint64(len(v.chain.final))] }
