package availabilitystore

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
)

// maxProof is the longest proof: that of the largest session's chunks has 12 hashes.
const maxProof = 16

// encodeChunk is a chunk as it lies on the disk: the number of the proof's hashes in 1 byte, the hashes, the bytes.
func encodeChunk(c erasure.Chunk) []byte {
	b := make([]byte, 0, 1+len(c.Proof)*primitives.HashSize+len(c.Bytes))
	b = append(b, byte(len(c.Proof)))
	for _, h := range c.Proof {
		b = append(b, h[:]...)
	}
	return append(b, c.Bytes...)
}

var errChunk = errors.New("not a chunk as this store writes it")

// decodeChunk reads what encodeChunk wrote. The bytes are part of the chunk.
func decodeChunk(index uint32, b []byte) (erasure.Chunk, error) {
	c := erasure.Chunk{Index: index}
	if len(b) == 0 || b[0] > maxProof || len(b) < 1+int(b[0])*primitives.HashSize {
		return c, errChunk
	}
	n := int(b[0])
	for b = b[1:]; n > 0; n-- {
		c.Proof = append(c.Proof, primitives.Hash(b[:primitives.HashSize]))
		b = b[primitives.HashSize:]
	}
	c.Bytes = b
	return c, nil
}

func proofOf(m *primitivesv1.ErasureChunk) (proof []primitives.Hash, err error) {
	if len(m.GetProof()) > maxProof {
		return nil, fmt.Errorf("a proof of %d hashes", len(m.GetProof()))
	}
	for _, b := range m.GetProof() {
		h, err := primitives.HashFrom(b)
		if err != nil {
			return nil, err
		}
		proof = append(proof, h)
	}
	return proof, nil
}

// message is a chunk whose bytes are put in by the caller.
func message(c erasure.Chunk) *primitivesv1.ErasureChunk {
	m := &primitivesv1.ErasureChunk{Index: c.Index}
	for _, h := range c.Proof {
		m.Proof = append(m.Proof, h[:])
	}
	return m
}

// Key is the name of a part on a disk: the candidate, and the validator for a chunk.
func Key(kind byte, candidate primitives.Hash, validator uint32) []byte {
	b := append([]byte{kind}, candidate[:]...)
	return binary.BigEndian.AppendUint32(b, validator)
}
