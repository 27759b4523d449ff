package consensus

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// signatures checks those of a chain's blocks and votes, each once: in a network each node checks them for itself,
// which is most of what a simulated second would cost, and always comes to the same.
type signatures struct {
	chain  *chain
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

func newSignatures(c *chain) signatures {
	return signatures{chain: c, votes: map[checkedVote]bool{}, blocks: map[checkedBlock]bool{}}
}

func (s *signatures) ofVote(height uint64, v finality.Signed) bool {
	return once(s.votes, checkedVote{height, v}, func() bool {
		return finality.VerifyVote(s.chain.id.NetworkID, s.chain.id.ID, height, s.chain.net.set, v)
	})
}

func (s *signatures) ofBlock(b *block.Block, key ed25519.PublicKey) bool {
	return once(s.blocks, checkedBlock{b.ID(), string(key)}, func() bool { return b.Verify(s.chain.id, key) })
}

func once[K comparable](known map[K]bool, k K, check func() bool) bool {
	holds, ok := known[k]
	if !ok {
		holds = check()
		known[k] = holds
	}
	return holds
}
