// Package lthash is a hash of a set that can be kept up to date: adding or removing one element costs the same whatever
// the size of the set, and the order doesn't matter. A VM uses it for a state root that needn't walk the state.
//
// It is LtHash16 with 1,024 lanes of 16 bits: each element is expanded to 2 KiB with BLAKE3, and the expansions are
// added lane by lane. Collisions are as hard as a short-integer-solution problem, more than 200 bits for these sizes.
// Source: Lewi, Kim, Maykov, Weis, "Securing Update Propagation with Homomorphic Hashing", 2019; idea from Bellare and
// Micciancio, "A New Paradigm for Collision-Free Hashing: Incrementality at Reduced Cost", 1997. It has no membership
// proofs.
package lthash

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"lukechampine.com/blake3/guts"
)

const (
	lanes = 1024
	// Size is the length of an encoded Hash in bytes.
	Size = 2 * lanes
)

// Hash is the hash of a set. The zero value is that of the empty set. Copying it copies the set.
type Hash [lanes]uint16

// expand makes the element's lanes: the first 2 KiB of BLAKE3's extended output for the SHA-256 of the element. The
// element is its parts, each with its length, so that no two lists of parts are alike. BLAKE3's inner functions are
// called because its hasher would cost more to allocate than the hashing.
func expand(parts [][]byte) (out [Size]byte) {
	digest := digestOf(parts)
	node := guts.CompressChunk(digest[:], &guts.IV, 0, 0)
	node.Flags |= guts.FlagRoot
	const step = guts.MaxSIMD * guts.BlockSize
	for at := 0; at < Size; at += step {
		node.Counter = uint64(at / guts.BlockSize)
		guts.CompressBlocks((*[step]byte)(out[at:at+step]), node)
	}
	rest()
	return out
}

func digestOf(parts [][]byte) [32]byte {
	var buffer [256]byte
	b := buffer[:0]
	for _, p := range parts {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(p)))
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}

// Add puts an element into the set.
func (h *Hash) Add(parts ...[]byte) {
	e := expand(parts)
	for i := range h {
		h[i] += binary.LittleEndian.Uint16(e[2*i:])
	}
}

// Remove takes an element out of the set. Removing what isn't in it gives a hash of no set.
func (h *Hash) Remove(parts ...[]byte) {
	e := expand(parts)
	for i := range h {
		h[i] -= binary.LittleEndian.Uint16(e[2*i:])
	}
}

// Sum is the 32-byte digest of the set.
func (h *Hash) Sum() [32]byte {
	b := h.Bytes()
	return sha256.Sum256(b)
}

// Bytes is the whole state, from which From goes on.
func (h *Hash) Bytes() []byte {
	b := make([]byte, Size)
	for i, lane := range h {
		binary.LittleEndian.PutUint16(b[2*i:], lane)
	}
	return b
}

// From reads what Bytes wrote.
func From(b []byte) (*Hash, error) {
	if len(b) != Size {
		return nil, fmt.Errorf("lthash: %d bytes; a state has %d", len(b), Size)
	}
	var h Hash
	for i := range h {
		h[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return &h, nil
}
