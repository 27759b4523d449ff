package primitives

import (
	"math/bits"
	"slices"
)

// Bits is a row of bits: bit i is bit i%8 of byte i/8, and the bits past the end are 0. The zero value has no bits.
type Bits struct {
	Length uint32
	Bytes  []byte
}

// NewBits is a row of n bits with those set that are named; what is past the end is left out.
func NewBits(n uint32, set ...uint32) Bits {
	b := Bits{Length: n, Bytes: make([]byte, (uint64(n)+7)/8)}
	for _, i := range set {
		b.Set(i)
	}
	return b
}

// Canonical tells whether the bytes fit the length and no bit past the end is set, as it is for bytes that have one
// meaning. All that comes from outside is to be asked this first.
func (b Bits) Canonical() bool {
	if uint64(len(b.Bytes)) != (uint64(b.Length)+7)/8 {
		return false
	}
	used := b.Length % 8
	return used == 0 || bits.Len8(b.Bytes[len(b.Bytes)-1]) <= int(used)
}

// Has tells whether bit i is set; there is none past the end.
func (b Bits) Has(i uint32) bool { return i < b.Length && b.Bytes[i/8]>>(i%8)&1 == 1 }

// Set sets bit i, if there is one. It changes the bytes in place.
func (b Bits) Set(i uint32) {
	if i < b.Length {
		b.Bytes[i/8] |= 1 << (i % 8)
	}
}

// Count is the number of bits that are set.
func (b Bits) Count() (n int) {
	for _, x := range b.Bytes {
		n += bits.OnesCount8(x)
	}
	return n
}

// Ones lists the bits that are set, ascending.
func (b Bits) Ones() []uint32 {
	ones := make([]uint32, 0, b.Count())
	for at, x := range b.Bytes {
		for ; x != 0; x &= x - 1 {
			ones = append(ones, uint32(8*at+bits.TrailingZeros8(x)))
		}
	}
	return ones
}

// Clone is a row of its own.
func (b Bits) Clone() Bits { return Bits{Length: b.Length, Bytes: slices.Clone(b.Bytes)} }
