package sim

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// votes looks at what nodes say to each other: that no honest node votes as if it had accepted what isn't durable (E3), and that no
// key ever signs two blocks for one place.
type votes struct {
	net *network
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

func newVotes(net *network) *votes {
	return &votes{
		net: net, signed: map[place]*block.Block{}, known: map[primitives.Hash]uint64{}, at: map[uint64][]primitives.Hash{},
		asked: make([]primitives.Hash, net.plan.validators),
	}
}

// sees takes a message that a node is about to send.
func (v *votes) sees(from *node, frame []byte, m message) {
	if len(v.last) > 0 && &frame[0] == &v.last[0] {
		return
	}
	v.last = frame
	switch m.kind {
	case peerChits:
		v.onChits(from, m.body)
	case peerPull:
		if id, ok := hashAt(m.body, container); ok {
			v.asked[from.index] = id
		}
	case peerPush:
		if b := v.onBlock(from, field(m.body, container)); b != nil {
			v.asked[from.index] = b.ID()
		}
	case peerPut:
		v.onBlock(from, field(m.body, container))
	case peerAncestors:
		fields(m.body, ancestorsContainer, func(b []byte) { v.onBlock(from, b) })
	}
}

func (v *votes) onChits(from *node, body []byte) {
	if from.liar {
		return
	}
	id, ok := hashAt(body, chitsAccepted)
	height := number(body, chitsAcceptedUpTo)
	switch c := &from.chain; {
	case !ok:
		v.net.violate("E3", fmt.Sprintf("node %d votes without a last accepted block", from.index))
	case height > c.height():
		v.net.violate("E3", fmt.Sprintf("node %d votes as if it had accepted height %d, and only %d is durable", from.index, height, c.height()))
	case c.ids[height] != id:
		v.net.violate("E3", fmt.Sprintf("node %d votes as if it had accepted %s at height %d, and has %s", from.index, id.Short(), height, c.ids[height].Short()))
	case height < c.floor():
		v.net.violate("E3", fmt.Sprintf("node %d votes as if it stood at height %d, and %d was durable long ago", from.index, height, c.floor()))
	}
}

// onBlock remembers a block and checks its signature against what the same key has signed before.
func (v *votes) onBlock(from *node, raw []byte) *block.Block {
	b, err := block.Decode(v.net.chain, raw)
	if err != nil {
		if !from.liar {
			v.net.violate("wire", fmt.Sprintf("node %d sends a block that can't be read", from.index))
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
	if before == nil || int(b.Proposer) >= len(v.net.nodes) || v.net.nodes[b.Proposer].liar {
		return b
	}
	if key := v.net.set.At(int(b.Proposer)).Key; before.Verify(v.net.chain, key) && b.Verify(v.net.chain, key) {
		v.net.violate("signatures", fmt.Sprintf("the key of node %d has signed two blocks at height %d, slot %d", b.Proposer, b.Height, b.Slot))
	}
	return b
}

// undecided lists the blocks that were shown at the lowest height that isn't decided anywhere.
func (v *votes) undecided() []primitives.Hash { return v.at[uint64(len(v.net.final))] }
