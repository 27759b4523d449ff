package finality

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// Phase is one of the two votes of a round.
type Phase = signbytes.Phase

// The phases.
const (
	Prepare = signbytes.Prepare
	Commit  = signbytes.Commit
)

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
