// Package block is the consensus block: what the engine wraps around a VM's block before it proposes it. It encodes,
// decodes and checks; it asks nobody and keeps nothing.
//
// The bytes, in this order, integers big-endian:
//
//	version    1 byte   1
//	height     8        one more than the parent's
//	parent    32        id of the parent; the genesis block has no bytes of its own, its id is its VM block's
//	slot       8        the proposer's window at this height; 0 is the first
//	time       8        milliseconds since 1970 UTC
//	proposer   4        the proposer's index in the validator set
//	signature 64        ed25519, of what package signbytes makes of network, chain and the fields above but the last two
//	body                4 bytes length of the inherent, the inherent, 4 bytes length of the VM block, the VM block
//
// The signed bytes hold the SHA-256 of the body. The id is the SHA-256 of signed bytes, proposer and signature: bytes
// that differ anywhere, though it be in the signature, are another block, so a block that is found invalid is invalid
// for ever.
package block

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// Version of the encoding.
const Version = 1

// MaxSize of a block in bytes. One that is larger is refused before it is looked at.
const MaxSize = 2 << 20

const (
	headerSize = 1 + 8 + 32 + 8 + 8 + 4
	prefixSize = headerSize + ed25519.SignatureSize
	minSize    = prefixSize + 8
)

// Chain is what a block's signature is bound to and what its bytes don't repeat.
type Chain struct {
	NetworkID uint32
	ID        primitives.Hash
}

// Header is what is fixed before the VM fills the block.
type Header struct {
	Height   uint64
	Parent   primitives.Hash
	Slot     uint64
	Time     uint64 // milliseconds since 1970 UTC
	Proposer uint32 // index in the validator set
}

// Block is an immutable consensus block.
type Block struct {
	Header
	id        primitives.Hash
	signature [ed25519.SignatureSize]byte
	bytes     []byte
	inherent  int             // length
	body      primitives.Hash // of it
}

// ErrMalformed is what every decoding error is: the bytes aren't a block.
var ErrMalformed = errors.New("not a block")

// Payload is what the proposer signs.
func (h Header) Payload(c Chain, body primitives.Hash) signbytes.Block {
	return signbytes.Block{
		NetworkID: c.NetworkID, ChainID: c.ID, Height: h.Height, ParentID: h.Parent, Slot: h.Slot, Time: h.Time,
		BodyHash: body,
	}
}

// Body is the part of the bytes that the header's hash covers.
func Body(inherent, vmBlock []byte) []byte {
	b := make([]byte, 0, 8+len(inherent)+len(vmBlock))
	b = binary.BigEndian.AppendUint32(b, uint32(len(inherent)))
	b = append(b, inherent...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(vmBlock)))
	return append(b, vmBlock...)
}

// New puts a block together from a signed header and a body.
func New(c Chain, h Header, body, signature []byte) (*Block, error) {
	if len(signature) != ed25519.SignatureSize {
		return nil, fmt.Errorf("a signature has %d bytes, this one has %d", ed25519.SignatureSize, len(signature))
	}
	b := make([]byte, 0, prefixSize+len(body))
	b = append(b, Version)
	b = binary.BigEndian.AppendUint64(b, h.Height)
	b = append(b, h.Parent[:]...)
	b = binary.BigEndian.AppendUint64(b, h.Slot)
	b = binary.BigEndian.AppendUint64(b, h.Time)
	b = binary.BigEndian.AppendUint32(b, h.Proposer)
	b = append(b, signature...)
	return Decode(c, append(b, body...))
}

// Decode reads a block of the chain. The bytes may come from anywhere; they are kept, so the caller must not change
// them. The signature isn't checked.
func Decode(c Chain, b []byte) (*Block, error) {
	switch {
	case len(b) > MaxSize:
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrMalformed, len(b), MaxSize)
	case len(b) < minSize:
		return nil, fmt.Errorf("%w: %d bytes, at least %d are needed", ErrMalformed, len(b), minSize)
	case b[0] != Version:
		return nil, fmt.Errorf("%w: version %d, this node knows %d", ErrMalformed, b[0], Version)
	}
	blk := &Block{bytes: b}
	blk.Height = binary.BigEndian.Uint64(b[1:])
	copy(blk.Parent[:], b[9:])
	blk.Slot = binary.BigEndian.Uint64(b[41:])
	blk.Time = binary.BigEndian.Uint64(b[49:])
	blk.Proposer = binary.BigEndian.Uint32(b[57:])
	copy(blk.signature[:], b[headerSize:])
	body := b[prefixSize:]
	inherent := uint64(binary.BigEndian.Uint32(body))
	if inherent > uint64(len(body)-8) {
		return nil, fmt.Errorf("%w: the inherent is said to have %d bytes", ErrMalformed, inherent)
	}
	blk.inherent = int(inherent)
	if vm := binary.BigEndian.Uint32(body[4+blk.inherent:]); uint64(vm) != uint64(len(body)-8-blk.inherent) {
		return nil, fmt.Errorf("%w: the VM block is said to have %d bytes", ErrMalformed, vm)
	}
	blk.body = primitives.HashOf(body)
	blk.id = primitives.HashOf(blk.signed(c), b[headerSize-4:prefixSize])
	return blk, nil
}

// ID names the block.
func (b *Block) ID() primitives.Hash { return b.id }

// Bytes is the whole block. It must not be changed.
func (b *Block) Bytes() []byte { return b.bytes }

// Inherent is what the proposer gave the VM to build with.
func (b *Block) Inherent() []byte { return b.bytes[prefixSize+4 : prefixSize+4+b.inherent] }

// VMBlock is the VM's part.
func (b *Block) VMBlock() []byte { return b.bytes[b.VMOffset():] }

// VMOffset is where in Bytes the VM's part begins. It goes on to the end.
func (b *Block) VMOffset() int { return prefixSize + 8 + b.inherent }

// Verify tells whether the signature is that of the key.
func (b *Block) Verify(c Chain, key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, b.signed(c), b.signature[:])
}

func (b *Block) signed(c Chain) []byte { return encode(b.Payload(c, b.body)) }

func encode(p signbytes.Block) []byte {
	payload, err := p.Encode()
	if err != nil {
		panic("block: a payload without variable parts doesn't encode: " + err.Error()) // Block.Encode can't fail
	}
	return payload
}
