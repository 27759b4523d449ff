package erasure

import (
	"bytes"
	"errors"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// A peer may send anything as a chunk; only the very chunk passes.
func FuzzVerify(f *testing.F) {
	c := coder(f, ClassicGF8, 7)
	coded := encode(f, c, content(300))
	for _, chunk := range all(coded) {
		var proof []byte
		for _, h := range chunk.Proof {
			proof = append(proof, h[:]...)
		}
		f.Add(chunk.Index, chunk.Bytes, proof)
	}
	f.Fuzz(func(t *testing.T, index uint32, b, proof []byte) {
		chunk := Chunk{Index: index, Bytes: b}
		for len(proof) >= primitives.HashSize {
			chunk.Proof = append(chunk.Proof, primitives.Hash(proof[:primitives.HashSize]))
			proof = proof[primitives.HashSize:]
		}
		err := c.Verify(coded.Root(), chunk)
		if err != nil && !errors.Is(err, ErrChunk) {
			t.Fatalf("an error of another kind: %v", err)
		}
		if err == nil && (index >= 7 || !bytes.Equal(b, coded.chunks[index])) {
			t.Fatalf("%x passes as chunk %d", b, index)
		}
	})
}

// Whatever is put together from any bytes is either no encoding, or has exactly these chunks.
func FuzzReconstruct(f *testing.F) {
	coders := []*Coder{coder(f, ClassicGF8, 4), coder(f, LeopardGF16, 4), coder(f, ClassicGF8, 2)}
	for which, c := range coders {
		coded := encode(f, c, content(100))
		for from := range c.n - c.k + 1 {
			f.Add(uint8(which), uint8(from), coded.bytes[from*coded.size:(from+c.k)*coded.size])
		}
	}
	f.Fuzz(func(t *testing.T, which, from uint8, b []byte) {
		c := coders[int(which)%len(coders)]
		size := len(b) / c.k
		var given []Chunk
		for i := range c.k {
			given = append(given, Chunk{Index: uint32(from) + uint32(i), Bytes: b[i*size : (i+1)*size]})
		}
		var got Coded
		if err := c.Reconstruct(given, &got); err != nil {
			if !errors.Is(err, ErrChunk) && !errors.Is(err, ErrInvalid) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		again := encode(t, c, got.Data())
		for _, chunk := range given {
			if !bytes.Equal(again.chunks[chunk.Index], chunk.Bytes) {
				t.Fatalf("chunk %d of %x isn't %x", chunk.Index, got.Data(), chunk.Bytes)
			}
		}
	})
}
