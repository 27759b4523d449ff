package validatornet

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

// Signatures checks those of a chain's blocks and votes, each once: in a network each node checks them for itself,
// which is most of what a simulated second would cost, and always comes to the same.
type Signatures struct {
	chain  block.Chain
	set    *validators.Set
	votes  map[checkedVote]bool
	blocks map[checkedBlock]bool
}

type checkedVote struct {
	height uint64
	vote   finality.Signed
}

// checkedBlock names a block, whose id covers its signature, and who is said to have signed it.
type checkedBlock struct {
	id  primitives.Hash
	key string
}

// NewSignatures is for the blocks and votes of one chain.
func NewSignatures(chain block.Chain, set *validators.Set) *Signatures {
	return &Signatures{chain: chain, set: set, votes: map[checkedVote]bool{}, blocks: map[checkedBlock]bool{}}
}

// OfVote tells whether a vote is signed by who is said to have given it.
func (s *Signatures) OfVote(height uint64, v finality.Signed) bool {
	return once(s.votes, checkedVote{height, v}, func() bool {
		return finality.VerifyVote(s.chain.NetworkID, s.chain.ID, height, s.set, v)
	})
}

// OfBlock tells whether a block is signed with the key.
func (s *Signatures) OfBlock(b *block.Block, key ed25519.PublicKey) bool {
	return once(s.blocks, checkedBlock{b.ID(), string(key)}, func() bool { return b.Verify(s.chain, key) })
}

func once[K comparable](known map[K]bool, k K, check func() bool) bool {
	holds, ok := known[k]
	if !ok {
		holds = check()
		known[k] = holds
	}
	return holds
}
