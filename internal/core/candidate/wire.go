package candidate

import (
	"encoding/binary"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// kind is the second byte of an encoding.
type kind uint8

const (
	kindReceipt          kind = 1
	kindCommittedReceipt kind = 2
	kindCommitments      kind = 3
	kindValidationData   kind = 4
	kindAvailableData    kind = 5
)

const headerSize = 2

func (k kind) String() string {
	switch k {
	case kindReceipt:
		return "receipt"
	case kindCommittedReceipt:
		return "committed receipt"
	case kindCommitments:
		return "commitments"
	case kindValidationData:
		return "persisted validation data"
	case kindAvailableData:
		return "available data"
	}
	return fmt.Sprintf("unknown kind %d", uint8(k))
}

// begin starts an encoding of so many bytes.
func begin(k kind, size int) []byte { return append(make([]byte, 0, size), Version, byte(k)) }

// appendBytes appends a length in 4 bytes and what it measures.
func appendBytes(b, part []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
}

// reader takes fields from the front. The first that isn't there is the error of all.
type reader struct {
	rest []byte
	err  error
}

// open begins to read what should be of this kind, between least and most bytes long.
func open(b []byte, k kind, least, most int) (*reader, error) {
	switch {
	case len(b) < least || len(b) > most:
		return nil, malformed("%d bytes aren't the length of %s, which is %d to %d", len(b), k, least, most)
	case b[0] != Version:
		return nil, malformed("its version is %d, this program knows %d", b[0], Version)
	case kind(b[1]) != k:
		return nil, malformed("it is %s, not %s", kind(b[1]), k)
	}
	return &reader{rest: b[headerSize:]}, nil
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

// take takes n bytes; zeros after an error.
func (r *reader) take(n int) []byte {
	if len(r.rest) < n {
		r.fail(malformed("it ends %d bytes too early", n-len(r.rest)))
		return make([]byte, n)
	}
	part := r.rest[:n:n]
	r.rest = r.rest[n:]
	return part
}

func (r *reader) u8() byte              { return r.take(1)[0] }
func (r *reader) u32() uint32           { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) u64() uint64           { return binary.BigEndian.Uint64(r.take(8)) }
func (r *reader) hash() primitives.Hash { return primitives.Hash(r.take(primitives.HashSize)) }

// bytes takes a length and what it measures, which is part of what is read. It must not be longer than most.
func (r *reader) bytes(what string, most int) []byte {
	n := r.u32()
	if uint64(n) > uint64(most) {
		r.fail(tooLong(what, uint64(n), most))
		return nil
	}
	return r.take(int(n))
}

func tooLong(what string, n uint64, most int) error {
	return malformed("%s of %d bytes, at most %d are allowed", what, n, most)
}
