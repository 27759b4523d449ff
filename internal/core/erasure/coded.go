package erasure

import (
	"slices"

	"github.com/klauspost/reedsolomon"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Coded is data with all its chunks. The zero value is empty and ready to be encoded or recovered into, again and
// again. What its methods return is part of its memory: it holds until the next Encode, Reconstruct, Recover or Reset.
type Coded struct {
	bytes  []byte   // all chunks, one after the other
	chunks [][]byte // of bytes
	size   int      // of a chunk
	length int      // of the data
	tree   tree
	root   primitives.Hash
}

// Reset makes it empty. It keeps its memory, to be used again.
func (c *Coded) Reset() { *c = Coded{bytes: c.bytes[:0], chunks: c.chunks[:0], tree: c.tree[:0]} }

// shape makes room for the coder's chunks of this size. Their content is whatever was there.
func (c *Coded) shape(coder *Coder, size int) {
	c.Reset()
	if total := coder.n * size; cap(c.bytes) < total {
		c.bytes = reedsolomon.AllocAligned(1, total)[0]
	} else {
		c.bytes = c.bytes[:total]
	}
	c.size = size
	c.chunks = slices.Grow(c.chunks, coder.n)
	for i := range coder.n {
		c.chunks = append(c.chunks, c.bytes[i*size:(i+1)*size:(i+1)*size])
	}
}

// Root commits to all chunks. It is zero after Reconstruct.
func (c *Coded) Root() primitives.Hash { return c.root }

// Data is what was encoded, or recovered.
func (c *Coded) Data() []byte { return c.bytes[:c.length:c.length] }

// Chunk is a validator's chunk with its proof, which is made anew; i must be less than the number of chunks.
func (c *Coded) Chunk(i int) Chunk {
	return Chunk{Index: uint32(i), Bytes: c.chunks[i], Proof: c.tree.proof(i)}
}
