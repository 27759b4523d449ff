// Package offencetest makes, for tests, what no honest signer makes.
package offencetest

import (
	"crypto/ed25519"
	"crypto/sha512"
	"math/big"
	"slices"
)

// order is that of the group in which ed25519 signs: 2^252 + 27742317777372353535851937790883648493 (RFC 8032, 5.1).
var order, _ = new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)

// Again is another signature of a message than ed25519.Sign makes, with a nonce of its own choice, and as good. The
// point of a nonce is a public key, so that of the key with the nonce's seed serves.
func Again(key ed25519.PrivateKey, message []byte) (signature [ed25519.SignatureSize]byte) {
	nonce := ed25519.NewKeyFromSeed(slices.Repeat([]byte{0x5a}, ed25519.SeedSize))
	point, public := nonce[ed25519.SeedSize:], key[ed25519.SeedSize:]
	hash := sha512.Sum512(slices.Concat(point, public, message))
	s := new(big.Int).Mul(number(hash[:]), scalar(key))
	s.Add(s, scalar(nonce)).Mod(s, order)
	copy(signature[:], point)
	low := s.FillBytes(make([]byte, 32))
	slices.Reverse(low)
	copy(signature[32:], low)
	return signature
}

// scalar is the secret number of a key.
func scalar(key ed25519.PrivateKey) *big.Int {
	h := sha512.Sum512(key.Seed())
	b := h[:32]
	b[0] &= 248
	b[31] = b[31]&127 | 64
	return number(b)
}

// number reads little-endian bytes.
func number(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}
