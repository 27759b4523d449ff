package finality

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/validators"
)

// Verify tells whether the proof holds for a height of a chain: a quorum of the set has signed it. An error is
// ErrNoProof and says what is missing.
func (p *Proof) Verify(network uint32, chain primitives.Hash, height uint64, set *validators.Set) error {
	var payload []byte // one for all: they voted for the same
	return p.Check(set, func(v Signed) bool {
		if payload == nil {
			payload = v.payload(network, chain, height)
		}
		return verify(set, v, payload)
	})
}

// VerifyVote tells whether a vote about a height of a chain is that of the validator whose index it bears.
func VerifyVote(network uint32, chain primitives.Hash, height uint64, set *validators.Set, v Signed) bool {
	return verify(set, v, v.payload(network, chain, height))
}

// Payload is what a validator signs when it gives the vote.
func (v Vote) Payload(network uint32, chain primitives.Hash, height uint64) signbytes.Vote {
	return signbytes.Vote{
		NetworkID: network, ChainID: chain, Height: height, Round: v.Round, Phase: v.Phase, Block: v.Block,
	}
}

// payload is its encoding; nil for a phase that there isn't, which nobody can sign.
func (v Vote) payload(network uint32, chain primitives.Hash, height uint64) []byte {
	b, err := v.Payload(network, chain, height).Encode()
	if err != nil {
		return nil
	}
	return b
}

func verify(set *validators.Set, v Signed, payload []byte) bool {
	if payload == nil || v.Validator < 0 || v.Validator >= set.Len() {
		return false
	}
	key := set.At(v.Validator).Key
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, payload, v.Signature[:])
}
