package consensus

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// votes looks at what nodes say to each other: that no honest node votes as if it had accepted what isn't durable
// (E3), and that no key ever signs two blocks for one place.
type votes struct {
	chain *chain
	// signed has the block that a validator has signed for a place.
	signed map[place]*block.Block
	known  map[primitives.Hash]uint64 // every block that was ever shown, with its height
	at     map[uint64][]primitives.Hash
	last   []byte // the frame seen last: one that goes to many is read once
	// asked is the block that each node asked about last: its preference.
	asked []primitives.Hash
}

type place struct {
	proposer     uint32
	height, slot uint64
}

func newVotes(c *chain) *votes {
	return &votes{
		chain: c, signed: map[place]*block.Block{},
		known: map[primitives.Hash]uint64{}, at: map[uint64][]primitives.Hash{},
		asked: make([]primitives.Hash, c.net.size),
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
			v.asked[from.node.Index] = id
		}
	case *enginev1.PeerMessage_PushQuery:
		if b := v.onBlock(from, m.PushQuery.GetContainer()); b != nil {
			v.asked[from.node.Index] = b.ID()
		}
	case *enginev1.PeerMessage_Put:
		v.onBlock(from, m.Put.GetContainer())
	case *enginev1.PeerMessage_Ancestors_:
		for _, b := range m.Ancestors_.GetContainers() {
			v.onBlock(from, b)
		}
	}
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
	case height > from.height():
		from.violate("E3", "it votes as if it had accepted height %d, and only %d is durable", height, from.height())
	case from.ids[height] != id:
		from.violate("E3", "it votes as if it had accepted %s at height %d, and has %s",
			id.Short(), height, from.ids[height].Short())
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
	key := v.chain.net.set.At(int(b.Proposer)).Key
	if before.Verify(v.chain.id, key) && b.Verify(v.chain.id, key) {
		owner := v.chain.replicas[b.Proposer]
		owner.violate("signatures", "its key has signed two blocks at height %d, slot %d", b.Height, b.Slot)
	}
	return b
}

// undecided lists the blocks that were shown at the lowest height that isn't decided anywhere.
func (v *votes) undecided() []primitives.Hash { return v.at[uint64(len(v.chain.final))] }
