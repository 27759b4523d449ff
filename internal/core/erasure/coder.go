package erasure

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/reedsolomon"
)

const (
	lengthSize = 4
	// unit is what a chunk's length is a multiple of: what both codecs work on at a time.
	unit = 64
)

// Coder encodes and recovers for one session. It is immutable: several may use it at a time, each with a Coded of its
// own. A call takes one processor; who has more works on more candidates.
type Coder struct {
	codec  Codec
	n, k   int
	parity reedsolomon.Encoder // nil: there is no parity
}

// New makes the coder of a session with n validators. The error is ErrSession. The first with LeopardGF16 in a process
// builds tables, which takes up to half a second: make one at start-up.
func New(codec Codec, n int) (*Coder, error) {
	if err := check(codec, n); err != nil {
		return nil, err
	}
	parity, err := newParity(codec, n)
	if err != nil {
		return nil, fmt.Errorf("%w: %d chunks with %s: %w", ErrSession, n, codec, err)
	}
	return &Coder{codec: codec, n: n, k: DataChunks(n), parity: parity}, nil
}

// Chunks is n, the number of chunks.
func (c *Coder) Chunks() int { return c.n }

// ChunkSize is the length in bytes of every chunk of data of this length.
func (c *Coder) ChunkSize(data int) int {
	per := (data + lengthSize + c.k - 1) / c.k
	return (per + unit - 1) / unit * unit
}

// Encode cuts the data, which isn't kept, into chunks, and computes their root. It writes over what into held and uses
// its memory again; about 3 times the length of the data is needed. ErrSize leaves into empty.
func (c *Coder) Encode(data []byte, into *Coded) error {
	if len(data) == 0 || len(data) > MaxData {
		into.Reset()
		return fmt.Errorf("%w: it has %d bytes, 1 to %d are allowed", ErrSize, len(data), MaxData)
	}
	into.shape(c, c.ChunkSize(len(data)))
	into.length = len(data)
	padded := into.bytes[:c.k*into.size]
	end := len(padded) - lengthSize
	clear(padded[copy(padded, data):end])
	binary.BigEndian.PutUint32(padded[end:], uint32(len(data)))
	return c.commit(into)
}

// commit computes parity and root of the data chunks.
func (c *Coder) commit(coded *Coded) error {
	if c.parity != nil {
		if err := c.parity.Encode(coded.chunks); err != nil {
			coded.Reset()
			return fmt.Errorf("%s can't encode %d bytes: %w", c.codec, coded.length, err)
		}
	}
	coded.root = coded.tree.build(c, coded.chunks)
	return nil
}
