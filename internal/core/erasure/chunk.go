package erasure

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Chunk is one chunk with the proof that a root commits to it.
type Chunk struct {
	// Index is the chunk's place, and that of the validator that keeps it.
	Index uint32
	Bytes []byte
	// Proof is the hashes beside the way from the chunk to the top of the tree, lowest first.
	Proof []primitives.Hash
}

// Verify tells whether the root, one of this session, commits to the chunk. The chunk may come from anywhere. The cost
// is one hash of its bytes, and none when index, length or the proof's length are impossible. The error is ErrChunk.
func (c *Coder) Verify(root primitives.Hash, chunk Chunk) error {
	if err := c.fits(chunk); err != nil {
		return err
	}
	if want := depth(c.n); len(chunk.Proof) != want {
		return fmt.Errorf("%w: the proof of chunk %d of %d has %d hashes, not %d",
			ErrChunk, chunk.Index, c.n, len(chunk.Proof), want)
	}
	at := primitives.HashOf(chunk.Bytes)
	for level, sibling := range chunk.Proof {
		if chunk.Index>>level&1 == 0 {
			at = node(at, sibling)
		} else {
			at = node(sibling, at)
		}
	}
	if got := c.rootOf(at, len(chunk.Bytes)); got != root {
		return fmt.Errorf("%w: chunk %d of %d (%s) leads to root %s, not %s",
			ErrChunk, chunk.Index, c.n, c.codec, got.Short(), root.Short())
	}
	return nil
}

// fits tells whether there is a chunk with this index and length.
func (c *Coder) fits(chunk Chunk) error {
	if uint64(chunk.Index) >= uint64(c.n) {
		return fmt.Errorf("%w: index %d of %d chunks", ErrChunk, chunk.Index, c.n)
	}
	if size, most := len(chunk.Bytes), c.ChunkSize(MaxData); size == 0 || size%unit != 0 || size > most {
		return fmt.Errorf("%w: chunk %d has %d bytes; it must be a multiple of %d, at most %d",
			ErrChunk, chunk.Index, size, unit, most)
	}
	return nil
}
