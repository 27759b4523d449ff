package evidence

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// Place is where a validator may sign one thing: a slot of a height for a block, a phase of a round for a vote.
type Place struct {
	Kind      signbytes.Kind // block or vote
	NetworkID uint32
	ChainID   primitives.Hash
	Height    uint64
	Slot      uint64 // of a block
	Round     uint32 // of a vote
	Phase     signbytes.Phase
}

// String names it in a sentence.
func (p Place) String() string {
	if p.Kind == signbytes.KindVote {
		return fmt.Sprintf("the %s vote of height %d, round %d", p.Phase, p.Height, p.Round)
	}
	return fmt.Sprintf("the block of height %d, slot %d", p.Height, p.Slot)
}

// placeOf is where a payload stands; false for one that isn't bound to a place.
func placeOf(p signbytes.Payload) (Place, bool) {
	switch p := p.(type) {
	case signbytes.Block:
		return Place{
			Kind: signbytes.KindBlock, NetworkID: p.NetworkID, ChainID: p.ChainID, Height: p.Height, Slot: p.Slot,
		}, true
	case signbytes.Vote:
		return Place{
			Kind: signbytes.KindVote, NetworkID: p.NetworkID, ChainID: p.ChainID, Height: p.Height, Round: p.Round,
			Phase: p.Phase,
		}, true
	}
	return Place{}, false
}
