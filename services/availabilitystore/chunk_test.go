package availabilitystore

import (
	"bytes"
	"testing"

	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// A disk's bytes are data, too: whatever they are, there is an error or a chunk that is written as the same bytes.
func FuzzChunksOnTheDisk(f *testing.F) {
	proof := func(n int) (list []primitives.Hash) {
		for i := range n {
			list = append(list, primitives.HashOf([]byte{byte(i)}))
		}
		return list
	}
	f.Add([]byte(nil))
	f.Add([]byte{maxProof + 1})
	f.Add(encodeChunk(erasure.Chunk{Bytes: []byte("a single validator's")}))
	f.Add(encodeChunk(erasure.Chunk{Proof: proof(3), Bytes: []byte("one of eight")}))
	f.Add(encodeChunk(erasure.Chunk{Proof: proof(maxProof)}))
	f.Add(encodeChunk(erasure.Chunk{Proof: proof(2)})[:64]) // cut off within the proof
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeChunk(7, b)
		if err != nil {
			return
		}
		if c.Index != 7 || len(c.Proof) > maxProof || !bytes.Equal(encodeChunk(c), b) {
			t.Errorf("%x is read as %+v", b, c)
		}
	})
}
