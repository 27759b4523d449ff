package erasure

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// The first byte of what is hashed.
const (
	tagNode = 1
	tagRoot = 2
)

// tree holds the hashes of a full binary tree: the top at 1, the children of i at 2i and 2i+1.
type tree []primitives.Hash

// depth is the length of every proof of n chunks.
func depth(n int) int { return bits.Len(uint(n - 1)) }

// build hashes the coder's chunks and returns their root.
func (t *tree) build(c *Coder, chunks [][]byte) primitives.Hash {
	first := 1 << depth(c.n)
	nodes := slices.Grow((*t)[:0], 2*first)[:2*first]
	for i, chunk := range chunks {
		nodes[first+i] = primitives.HashOf(chunk)
	}
	clear(nodes[first+len(chunks):])
	for i := first - 1; i > 0; i-- {
		nodes[i] = node(nodes[2*i], nodes[2*i+1])
	}
	*t = nodes
	return c.rootOf(nodes[1], len(chunks[0]))
}

// proof is the siblings on the way from leaf i to the top.
func (t tree) proof(i int) []primitives.Hash {
	if len(t) == 0 {
		return nil
	}
	proof := make([]primitives.Hash, 0, depth(len(t)/2))
	for at := len(t)/2 + i; at > 1; at /= 2 {
		proof = append(proof, t[at^1])
	}
	return proof
}

func node(left, right primitives.Hash) primitives.Hash {
	b := [1 + 2*primitives.HashSize]byte{tagNode}
	copy(b[1:], left[:])
	copy(b[1+primitives.HashSize:], right[:])
	return sha256.Sum256(b[:])
}

// rootOf is the root above a top node, for chunks of a size.
func (c *Coder) rootOf(top primitives.Hash, size int) primitives.Hash {
	b := make([]byte, 0, 1+1+4+4+primitives.HashSize)
	b = append(b, tagRoot, byte(c.codec))
	b = binary.BigEndian.AppendUint32(b, uint32(c.n))
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	return sha256.Sum256(append(b, top[:]...))
}
