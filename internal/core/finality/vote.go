package finality

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Phase is one of the two votes of a round.
type Phase uint8

// The phases. Their numbers are part of what is signed.
const (
	Prepare Phase = 1
	Commit  Phase = 2
)

// String names the phase.
func (p Phase) String() string {
	switch p {
	case Prepare:
		return "prepare"
	case Commit:
		return "commit"
	}
	return fmt.Sprintf("phase %d", uint8(p))
}

// None is the block of a vote for no block.
var None primitives.Hash

// Vote is what a validator says in one phase of a round. The height is the Instance's.
type Vote struct {
	// Validator is its index in the set of the height.
	Validator int
	Round     uint32
	Phase     Phase
	// Block is the id of the block, or None.
	Block primitives.Hash
}

// String says it in a log.
func (v Vote) String() string {
	what := "nothing"
	if v.Block != None {
		what = v.Block.Short()
	}
	return fmt.Sprintf("%s of %s in round %d by validator %d", v.Phase, what, v.Round, v.Validator)
}

// Signed is a vote with its signature, which the caller has checked.
type Signed struct {
	Vote
	Signature [64]byte
}
