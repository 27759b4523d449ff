package block

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// Sealed is a block's header with its proposer's signature. A block's id is the hash of these bytes alone, so they tie
// the id to chain, height, parent and body without the body.
type Sealed struct {
	Payload   signbytes.Block
	Proposer  uint32 // index in the validator set
	Signature [ed25519.SignatureSize]byte
}

// SealedSize is the length of its bytes: what was signed, 4 bytes proposer, the signature.
const SealedSize = signbytes.BlockSize + 4 + ed25519.SignatureSize

// Sealed is the block without its body.
func (b *Block) Sealed(c Chain) Sealed {
	return Sealed{Payload: b.Payload(c, b.body), Proposer: b.Proposer, Signature: b.signature}
}

// ID is the id of the block.
func (s Sealed) ID() primitives.Hash { return primitives.HashOf(s.Encode()) }

// Encode returns the bytes that the id is the hash of.
func (s Sealed) Encode() []byte {
	b := encode(s.Payload)
	b = binary.BigEndian.AppendUint32(b, s.Proposer)
	return append(b, s.Signature[:]...)
}

// DecodeSealed reads what Encode wrote. The bytes may come from anywhere and aren't kept; the signature isn't checked.
func DecodeSealed(b []byte) (s Sealed, err error) {
	if len(b) != SealedSize {
		return s, fmt.Errorf("%w: a header has %d bytes, not %d", ErrMalformed, SealedSize, len(b))
	}
	p, err := signbytes.Decode(b[:signbytes.BlockSize])
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	payload, ok := p.(signbytes.Block)
	if !ok {
		return s, fmt.Errorf("%w: the header is that of a %s", ErrMalformed, p.Kind())
	}
	s.Payload, s.Proposer = payload, binary.BigEndian.Uint32(b[signbytes.BlockSize:])
	copy(s.Signature[:], b[signbytes.BlockSize+4:])
	return s, nil
}
