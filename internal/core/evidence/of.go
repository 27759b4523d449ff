package evidence

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// OfBlocks makes evidence of two headers that the key has signed.
func OfBlocks(key ed25519.PublicKey, a, b block.Sealed) (*Evidence, error) {
	first, err := a.Payload.Encode()
	if err != nil {
		return nil, err
	}
	second, err := b.Payload.Encode()
	if err != nil {
		return nil, err
	}
	return New(key, Signed{first, a.Signature}, Signed{second, b.Signature})
}

// OfVotes makes evidence of two votes about a height of a chain that the key has signed.
func OfVotes(
	network uint32, chain primitives.Hash, height uint64, key ed25519.PublicKey, a, b finality.Signed,
) (*Evidence, error) {
	first, err := a.Payload(network, chain, height).Encode()
	if err != nil {
		return nil, err
	}
	second, err := b.Payload(network, chain, height).Encode()
	if err != nil {
		return nil, err
	}
	return New(key, Signed{first, a.Signature}, Signed{second, b.Signature})
}
