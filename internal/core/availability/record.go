package availability

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Record is what is known of one candidate: what lies on the disk beside its parts.
type Record struct {
	Candidate primitives.Hash
	State     State
	// Since is the store's age when the candidate came into its state.
	Since time.Duration
	// Validators is the number of the session's validators: as many chunks there are.
	Validators uint32
	// Bytes are those of all parts that are here.
	Bytes int64
	// Data says that the data is here, and Chunks of which validators the chunk is; no bits: none.
	Data   bool
	Chunks primitives.Bits
	// Blocks are those that include the candidate while none of them is known to be final, ascending.
	Blocks []Block
}

func (r *Record) copy() Record {
	c := *r
	c.Chunks, c.Blocks = r.Chunks.Clone(), slices.Clone(r.Blocks)
	return c
}

func (r *Record) record() Action { return Write{Record: r.copy()} }

// A record on the disk is, with all numbers big-endian, without the candidate's hash, which is its key:
//
//	offset  size  field
//	     0     1  version of the layout, now 1
//	     1     1  state
//	     2     1  1: the data is here; 0: it isn't
//	     3     8  since, in nanoseconds
//	    11     4  validators
//	    15     8  bytes
//	    23     4  number of bits of chunks
//	    27        chunks, then 40 bytes for each block: number and hash
const (
	version    = 1
	recordHead = 27
	blockSize  = 8 + primitives.HashSize
)

var errRecord = errors.New("no record of a candidate of this version of the store")

// Encode is the record's bytes.
func (r *Record) Encode() []byte {
	b := make([]byte, 0, recordHead+len(r.Chunks.Bytes)+blockSize*len(r.Blocks))
	b = append(b, version, byte(r.State), 0)
	if r.Data {
		b[2] = 1
	}
	b = binary.BigEndian.AppendUint64(b, uint64(r.Since))
	b = binary.BigEndian.AppendUint32(b, r.Validators)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Bytes))
	b = binary.BigEndian.AppendUint32(b, r.Chunks.Length)
	b = append(b, r.Chunks.Bytes...)
	for _, in := range r.Blocks {
		b = binary.BigEndian.AppendUint64(b, in.Number)
		b = append(b, in.Hash[:]...)
	}
	return b
}

// DecodeRecord reads what Encode wrote, and nothing else.
func DecodeRecord(candidate primitives.Hash, b []byte) (Record, error) {
	if len(b) < recordHead || b[0] != version {
		return Record{}, errRecord
	}
	r := Record{
		Candidate: candidate, State: State(b[1]), Data: b[2] == 1,
		Since:      time.Duration(binary.BigEndian.Uint64(b[3:])),
		Validators: binary.BigEndian.Uint32(b[11:]), Bytes: int64(binary.BigEndian.Uint64(b[15:])),
		Chunks: primitives.Bits{Length: binary.BigEndian.Uint32(b[23:])},
	}
	rest, size := b[recordHead:], (uint64(r.Chunks.Length)+7)/8
	if uint64(len(rest)) < size || (uint64(len(rest))-size)%blockSize != 0 {
		return Record{}, errRecord
	}
	r.Chunks.Bytes, rest = append([]byte(nil), rest[:size]...), rest[size:]
	for ; len(rest) > 0; rest = rest[blockSize:] {
		r.Blocks = append(r.Blocks, Block{
			Number: binary.BigEndian.Uint64(rest), Hash: primitives.Hash(rest[8:blockSize]),
		})
	}
	return r, r.check(b[2])
}

func (r *Record) check(data byte) error {
	switch {
	case r.State >= states, data > 1, r.Since < 0, r.Bytes < 0, !r.Chunks.Canonical(),
		r.Chunks.Length != 0 && r.Chunks.Length != r.Validators,
		(r.State == Unfinalized) != (len(r.Blocks) > 0), len(r.Blocks) > maxBlocks:
		return fmt.Errorf("candidate %s: %w", r.Candidate.Short(), errRecord)
	}
	for i := 1; i < len(r.Blocks); i++ {
		if compareBlocks(r.Blocks[i-1], r.Blocks[i]) >= 0 {
			return fmt.Errorf("candidate %s: %w", r.Candidate.Short(), errRecord)
		}
	}
	return nil
}
