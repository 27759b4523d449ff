package erasure

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Recover puts data together from any k chunks, encodes it again, and compares the root. The chunks may come from
// anywhere but from into; they aren't kept. Verify each when it comes: here the proofs are looked at only when the
// result is wrong. It writes over what into held, as Encode does; when it returns nil, into has the data and all its
// chunks.
//
// ErrChunk and ErrTooFew mean that other chunks are needed, ErrInvalid that the candidate is invalid. Any other error
// is a fault of this node and says nothing about either. Each leaves into empty.
func (c *Coder) Recover(root primitives.Hash, chunks []Chunk, into *Coded) error {
	err := c.Reconstruct(chunks, into)
	if err == nil {
		err = c.recommit(root, into)
	}
	if err == nil {
		return nil
	}
	into.Reset()
	if errors.Is(err, ErrInvalid) {
		for _, chunk := range chunks {
			if wrong := c.Verify(root, chunk); wrong != nil {
				return wrong
			}
		}
	}
	return err
}

// recommit encodes again what was reconstructed.
func (c *Coder) recommit(root primitives.Hash, coded *Coded) error {
	if err := c.commit(coded); err != nil {
		return err
	}
	if coded.root != root {
		return fmt.Errorf("%w: %d chunks under root %s make %d bytes of data, whose root is %s",
			ErrInvalid, c.k, root.Short(), coded.length, coded.root.Short())
	}
	return nil
}

// Reconstruct puts data together from any k chunks and looks at no proof: whoever believes the data must have verified
// all chunks and must have another reason to believe the root. Everybody else calls Recover. The first k chunks are the
// data itself and are only copied. Afterwards into has the data, and no other chunks nor a root.
//
// The errors are those of Recover, with this difference: ErrInvalid means nothing unless every chunk was verified.
func (c *Coder) Reconstruct(chunks []Chunk, into *Coded) error {
	into.Reset()
	placed, size, err := c.place(chunks)
	if err != nil {
		return err
	}
	into.shape(c, size)
	if err = c.decode(placed, into); err == nil {
		into.length, err = c.unpad(into.bytes[:c.k*size])
	}
	if err != nil {
		into.Reset()
	}
	return err
}

// place returns the bytes of the chunks, at least k of one size, each at its index of n.
func (c *Coder) place(chunks []Chunk) (placed [][]byte, size int, err error) {
	placed = make([][]byte, c.n)
	for _, chunk := range chunks {
		if err := c.fits(chunk); err != nil {
			return nil, 0, err
		}
		switch {
		case placed[chunk.Index] != nil:
			return nil, 0, fmt.Errorf("%w: chunk %d was given twice", ErrChunk, chunk.Index)
		case size != 0 && len(chunk.Bytes) != size:
			return nil, 0, fmt.Errorf("%w: chunk %d has %d bytes, others %d",
				ErrChunk, chunk.Index, len(chunk.Bytes), size)
		}
		placed[chunk.Index], size = chunk.Bytes, len(chunk.Bytes)
	}
	if len(chunks) < c.k {
		return nil, 0, fmt.Errorf("%w: %d of %d were given, %d are needed", ErrTooFew, len(chunks), c.n, c.k)
	}
	return placed, size, nil
}

// decode makes the data chunks of coded from the first k of those that are placed, so from data rather than parity.
func (c *Coder) decode(placed [][]byte, coded *Coded) error {
	have := 0
	for i, chunk := range placed {
		switch {
		case have == c.k:
			placed[i] = nil
		case chunk != nil && i < c.k:
			copy(coded.chunks[i], chunk)
			placed[i] = coded.chunks[i]
			have++
		case chunk != nil:
			have++
		case i < c.k:
			placed[i] = coded.chunks[i][:0] // missing, with room for it
		}
	}
	if c.parity == nil {
		return nil
	}
	if err := c.parity.ReconstructData(placed); err != nil {
		return fmt.Errorf("%s can't decode %d chunks: %w", c.codec, have, err)
	}
	return nil
}

// unpad returns the length of padded data. There is one way to pad; anything else was no encoding.
func (c *Coder) unpad(padded []byte) (int, error) {
	end := len(padded) - lengthSize
	length := int(binary.BigEndian.Uint32(padded[end:]))
	if length < 1 || length > MaxData || c.ChunkSize(length)*c.k != len(padded) {
		return 0, fmt.Errorf("%w: chunks of %d bytes can't be %d bytes of data", ErrInvalid, len(padded)/c.k, length)
	}
	for _, b := range padded[length:end] {
		if b != 0 {
			return 0, fmt.Errorf("%w: the padding after %d bytes isn't zero", ErrInvalid, length)
		}
	}
	return length, nil
}
