package finality

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// The bytes of a proof, in this order, integers big-endian:
//
//	version    1 byte   1
//	phase      1        1 prepare, 2 commit
//	height     8
//	round      4
//	block     32        id of the block
//	count      2        number of signatures, at most MaxVotes
//	           66 each  2 bytes index of the validator, 64 bytes its signature, in rising order of validators
//
// Nothing follows, and every value has one encoding. Network and chain stand only in what the signatures sign: whoever
// reads a proof knows for which chain.

// ProofVersion is that of the encoding.
const ProofVersion = 1

// MaxVotes is the largest number of signatures of a proof, so the largest number of validators that can decide
// together this way; see "Past a hundred validators" in docs/finality.md.
const MaxVotes = 1 << 12

const (
	proofHeader = 1 + 1 + 8 + 4 + primitives.HashSize + 2
	voteSize    = 2 + 64
)

// MaxProofSize is the length in bytes of the longest encoding.
const MaxProofSize = proofHeader + MaxVotes*voteSize

// ErrMalformed is what every decoding error is: the bytes aren't a proof.
var ErrMalformed = errors.New("not a proof")

// Size is the length of the encoding in bytes.
func (p *Proof) Size() int { return proofHeader + len(p.Votes)*voteSize }

// Encode returns the bytes of a proof about a height. The proof must be one that Check accepts, of a set of at most
// MaxVotes validators.
func (p *Proof) Encode(height uint64) []byte {
	b := make([]byte, 0, p.Size())
	b = append(b, ProofVersion, byte(p.Phase))
	b = binary.BigEndian.AppendUint64(b, height)
	b = binary.BigEndian.AppendUint32(b, p.Round)
	b = append(b, p.Block[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.Votes)))
	for i := range p.Votes {
		b = binary.BigEndian.AppendUint16(b, uint16(p.Votes[i].Validator))
		b = append(b, p.Votes[i].Signature[:]...)
	}
	return b
}

// DecodeProof reads the one proof that the bytes encode, and the height that it is about. The bytes may come from
// anywhere and aren't kept; nothing of what they say is true before Verify.
func DecodeProof(b []byte) (height uint64, p *Proof, err error) {
	if len(b) < proofHeader {
		return 0, nil, fmt.Errorf("%w: %d bytes, at least %d are needed", ErrMalformed, len(b), proofHeader)
	}
	p = &Proof{Phase: Phase(b[1]), Round: binary.BigEndian.Uint32(b[10:]), Block: primitives.Hash(b[14:46])}
	count := int(binary.BigEndian.Uint16(b[46:]))
	switch {
	case b[0] != ProofVersion:
		return 0, nil, fmt.Errorf("%w: version %d, this program knows %d", ErrMalformed, b[0], ProofVersion)
	case p.Phase != Prepare && p.Phase != Commit:
		return 0, nil, fmt.Errorf("%w: it is of %s", ErrMalformed, p.Phase)
	case count > MaxVotes:
		return 0, nil, fmt.Errorf("%w: %d signatures, at most %d are allowed", ErrMalformed, count, MaxVotes)
	case len(b) != proofHeader+count*voteSize:
		return 0, nil, fmt.Errorf("%w: %d bytes aren't the length of %d signatures", ErrMalformed, len(b), count)
	}
	if p.Votes, err = decodeVotes(b[proofHeader:], count); err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint64(b[2:]), p, nil
}

func decodeVotes(b []byte, count int) ([]Signature, error) {
	votes := make([]Signature, count)
	for i := range votes {
		v := &votes[i]
		v.Validator = int(binary.BigEndian.Uint16(b[i*voteSize:]))
		copy(v.Signature[:], b[i*voteSize+2:])
		if i > 0 && v.Validator <= votes[i-1].Validator {
			return nil, fmt.Errorf("%w: validator %d comes after %d", ErrMalformed, v.Validator, votes[i-1].Validator)
		}
	}
	return votes, nil
}
