package evidence

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"

	"github.com/reevenet/reeve/internal/core/signbytes"
)

// The bytes of evidence, in this order, integers big-endian:
//
//	version    1 byte   1
//	key       32        ed25519, who signed
//	size       2        length of a payload: both are of one kind, so of one length
//	first   size        a payload of package signbytes
//	          64        its signature
//	second  size        the other payload, whose bytes are greater
//	          64        its signature
//
// Nothing follows. So what one validator has signed makes one encoding.

// Version of the encoding.
const Version = 1

const (
	prefixSize = 1 + ed25519.PublicKeySize + 2
	// The payloads are a block or a vote, and a block is longer.
	maxPayload = signbytes.BlockSize
)

// MaxSize is the length in bytes of the longest encoding.
const MaxSize = prefixSize + 2*(maxPayload+ed25519.SignatureSize)

func (e *Evidence) Encode() []byte {
	b := make([]byte, 0, MaxSize)
	b = append(b, Version)
	b = append(b, e.key[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.first.Payload)))
	for _, s := range []Signed{e.first, e.second} {
		b = append(b, s.Payload...)
		b = append(b, s.Signature[:]...)
	}
	return b
}

// Decode reads the one evidence that the bytes encode. They may come from anywhere and aren't kept; nobody is guilty
// before Check.
func Decode(b []byte) (*Evidence, error) {
	if len(b) < prefixSize {
		return nil, fmt.Errorf("%w: %d bytes, at least %d are needed", ErrMalformed, len(b), prefixSize)
	}
	size := int(binary.BigEndian.Uint16(b[prefixSize-2:]))
	switch {
	case b[0] != Version:
		return nil, fmt.Errorf("%w: version %d, this program knows %d", ErrMalformed, b[0], Version)
	case size > maxPayload:
		return nil, fmt.Errorf("%w: a payload of %d bytes, at most %d are possible", ErrMalformed, size, maxPayload)
	case len(b) != prefixSize+2*(size+ed25519.SignatureSize):
		return nil, fmt.Errorf("%w: %d bytes aren't the length of two payloads of %d", ErrMalformed, len(b), size)
	}
	half := b[prefixSize:]
	first, second := signedFrom(half[:len(half)/2]), signedFrom(half[len(half)/2:])
	if bytes.Compare(first.Payload, second.Payload) > 0 {
		return nil, fmt.Errorf("%w: the payloads stand in the wrong order", ErrMalformed)
	}
	return New(bytes.Clone(b[1:1+ed25519.PublicKeySize]), first, second)
}

func signedFrom(b []byte) (s Signed) {
	payload := len(b) - ed25519.SignatureSize
	s.Payload = bytes.Clone(b[:payload])
	copy(s.Signature[:], b[payload:])
	return s
}
