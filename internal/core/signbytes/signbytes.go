// Package signbytes defines the bytes that validators sign. A signature must mean one thing only, on every machine and
// in every version, so nothing is signed as protobuf happens to serialise it: each kind of payload has one fixed
// layout, written down here and pinned by the vectors in testdata. It is pure.
//
// All numbers are unsigned and big-endian. All hashes, ids and keys have 32 bytes. There is no padding and no optional
// field, so a payload has exactly one encoding, and Decode accepts nothing else. Every payload begins with the same
// header:
//
//	offset  size  field
//	     0     6  "reeve/"
//	     6     1  version of the layout of this kind, now 1
//	     7     1  kind: 1 block, 2 statement, 3 bitfield, 4 collation, 5 vote
//
// The header separates the domains: no payload of one kind or version is a payload of another, and none is a valid
// message of another protocol that might be signed with the same key. After it come, for a block (132 bytes in all):
//
//	  8     4  network id
//	 12    32  chain id
//	 44     8  height
//	 52    32  parent's id
//	 84     8  slot
//	 92     8  time, in milliseconds since 1970 UTC
//	100    32  SHA-256 of the body
//
// for a statement (77 bytes), which is the compact form and its signing context, so that the same
// signature verifies the full form too:
//
//	 8     4  session
//	12    32  relay parent
//	44     1  1 seconded, 2 valid, 3 invalid
//	45    32  candidate hash
//
// for an availability bitfield (48 bytes and the bits):
//
//	 8     4  session
//	12    32  relay parent
//	44     4  number of bits n, at most 16384
//	48     m  ceil(n/8) bytes; bit i is bit i%8, from the least significant, of byte i/8; the bits past the end are 0
//
// and for a collation (236 bytes), the descriptor without its signature:
//
//	  8     4  para id
//	 12    32  relay parent
//	 44    32  collator's public key
//	 76    32  hash of the persisted validation data
//	108    32  hash of the proof of validity
//	140    32  erasure root
//	172    32  hash of the validation code
//	204    32  hash of the para's head
//
// and for a vote on a block's finality (89 bytes):
//
//	 8     4  network id
//	12    32  chain id
//	44     8  height
//	52     4  round
//	56     1  1 prepare, 2 commit
//	57    32  the block's id, or zeros for no block
//
// What is signed with ed25519 is these bytes themselves (RFC 8032, no prehash). A payload's hash is their SHA-256.
package signbytes

import (
	"errors"
	"fmt"
)

const (
	prefix     = "reeve/"
	version    = 1
	headerSize = len(prefix) + 2

	blockSize     = headerSize + 4 + 32 + 8 + 32 + 8 + 8 + 32
	statementSize = headerSize + 4 + 32 + 1 + 32
	bitfieldSize  = headerSize + 4 + 32 + 4
	collationSize = headerSize + 4 + 7*32
	voteSize      = headerSize + 4 + 32 + 8 + 4 + 1 + 32
)

// The lengths of the encodings of a Block and a Collation.
const (
	BlockSize     = blockSize
	CollationSize = collationSize
)

// MaxBits is the largest number of bits of a bitfield: one per core.
const MaxBits = 16384

type Kind uint8

// The kinds of payload.
const (
	KindBlock     Kind = 1
	KindStatement Kind = 2
	KindBitfield  Kind = 3
	KindCollation Kind = 4
	KindVote      Kind = 5
)

// String names the kind as a sentence does.
func (k Kind) String() string {
	switch k {
	case KindBlock:
		return "block"
	case KindStatement:
		return "statement"
	case KindBitfield:
		return "bitfield"
	case KindCollation:
		return "collation"
	case KindVote:
		return "vote"
	}
	return fmt.Sprintf("payload of unknown kind %d", uint8(k))
}

// Payload is something that can be signed: a Block, Statement, Bitfield, Collation or Vote.
type Payload interface {
	// Kind tells which.
	Kind() Kind
	// Encode returns the bytes that are signed. It fails when a field has a value that has no encoding.
	Encode() ([]byte, error)
	// String says what it is, for logs and refusals.
	String() string
}

// ErrMalformed means that bytes are no payload's encoding, or that a payload has none.
var ErrMalformed = errors.New("not a canonical payload")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Decode reads the one payload that the bytes encode. It keeps no reference to them.
func Decode(b []byte) (Payload, error) {
	if len(b) < headerSize || string(b[:len(prefix)]) != prefix {
		return nil, malformed("it doesn't begin with %q", prefix)
	}
	if v := b[len(prefix)]; v != version {
		return nil, malformed("its version is %d, this program knows %d", v, version)
	}
	r := &reader{rest: b[headerSize:]}
	kind := Kind(b[len(prefix)+1])
	p, err := decode(kind, r)
	if err != nil {
		return nil, err
	}
	if r.short || len(r.rest) > 0 {
		return nil, malformed("%d bytes aren't the length of a %s", len(b), kind)
	}
	return p, nil
}

func decode(kind Kind, r *reader) (Payload, error) {
	switch kind {
	case KindBlock:
		return decodeBlock(r), nil
	case KindStatement:
		return decodeStatement(r)
	case KindBitfield:
		return decodeBitfield(r)
	case KindCollation:
		return decodeCollation(r), nil
	case KindVote:
		return decodeVote(r)
	}
	return nil, malformed("%s", kind)
}
