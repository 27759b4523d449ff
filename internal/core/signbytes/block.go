package signbytes

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Block is the proposal of a block.
type Block struct {
	NetworkID uint32
	ChainID   primitives.Hash
	Height    uint64
	ParentID  primitives.Hash
	// Slot is the proposer's window at this height; 0 is the first.
	Slot uint64
	// Time is in milliseconds since 1970 UTC.
	Time uint64
	// BodyHash is SHA-256 of the block's body.
	BodyHash primitives.Hash
}

func (Block) Kind() Kind { return KindBlock }

// Encode is Payload.Encode; it can't fail.
func (b Block) Encode() ([]byte, error) {
	w := newWriter(KindBlock, blockSize)
	w.u32(b.NetworkID)
	w.hash(b.ChainID)
	w.u64(b.Height)
	w.hash(b.ParentID)
	w.u64(b.Slot)
	w.u64(b.Time)
	w.hash(b.BodyHash)
	return w.b, nil
}

func (b Block) String() string {
	return fmt.Sprintf("block at height %d, slot %d of chain %s with parent %s and body %s",
		b.Height, b.Slot, b.ChainID.Short(), b.ParentID.Short(), b.BodyHash.Short())
}

func decodeBlock(r *reader) Block {
	return Block{
		NetworkID: r.u32(), ChainID: r.hash(), Height: r.u64(), ParentID: r.hash(), Slot: r.u64(), Time: r.u64(),
		BodyHash: r.hash(),
	}
}
