// Package primitives holds the few types and functions that every other part of the node agrees on: hashes, identities,
// and the arithmetic of quorums and groups. It is pure: no I/O, no clock, no goroutine, and it imports nothing of ours.
package primitives

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// HashSize is the length in bytes of every hash and of every identity.
const HashSize = 32

// Hash is a SHA-256 digest: a block's id, a candidate's hash, the name of a blob. The zero value means "none".
type Hash [HashSize]byte

// HashOf returns the SHA-256 digest of the parts, joined.
func HashOf(parts ...[]byte) Hash {
	if len(parts) == 1 {
		return sha256.Sum256(parts[0])
	}
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	var out Hash
	h.Sum(out[:0])
	return out
}

// HashFrom copies b, which must be 32 bytes long. Bytes of any other length come from outside and are an error, never a
// panic.
func HashFrom(b []byte) (Hash, error) {
	var h Hash
	if len(b) != HashSize {
		return h, fmt.Errorf("a hash has %d bytes, this one has %d", HashSize, len(b))
	}
	copy(h[:], b)
	return h, nil
}

// IsZero tells whether h is the zero hash, which stands for "none".
func (h Hash) IsZero() bool { return h == Hash{} }

// Compare orders hashes bytewise, so that output made from sets can be sorted.
func (h Hash) Compare(o Hash) int { return bytes.Compare(h[:], o[:]) }

// String is the whole hash in lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short is the first eight digits: enough for a person to tell two hashes of one screen apart.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// MarshalText makes a hash a readable JSON string and map key.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("a hash is written in hexadecimal: %w", err)
	}
	*h, err = HashFrom(b)
	return err
}
