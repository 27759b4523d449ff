package signbytes

import (
	"fmt"
	"math/bits"
	"slices"
)

// Bitfield is of which cores' candidates a validator holds its chunk.
type Bitfield struct {
	Context
	// Length is the number of bits.
	Length uint32
	// Bits holds bit i in bit i%8 of byte i/8; the bits past the end are 0.
	Bits []byte
}

func (Bitfield) Kind() Kind { return KindBitfield }

func (b Bitfield) check() error {
	if b.Length > MaxBits {
		return malformed("a bitfield has at most %d bits, not %d", MaxBits, b.Length)
	}
	if want := int(b.Length+7) / 8; len(b.Bits) != want {
		return malformed("%d bits take %d bytes, not %d", b.Length, want, len(b.Bits))
	}
	if used := b.Length % 8; used != 0 && bits.Len8(b.Bits[len(b.Bits)-1]) > int(used) {
		return malformed("a bit past the last, %d, is set", b.Length)
	}
	return nil
}

// Encode is Payload.Encode; a bitfield that is too long, or whose bytes don't fit its length, has no encoding.
func (b Bitfield) Encode() ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	w := newWriter(KindBitfield, bitfieldSize+len(b.Bits))
	w.u32(b.Session)
	w.hash(b.RelayParent)
	w.u32(b.Length)
	w.b = append(w.b, b.Bits...)
	return w.b, nil
}

func (b Bitfield) String() string {
	set := 0
	for _, x := range b.Bits {
		set += bits.OnesCount8(x)
	}
	return fmt.Sprintf(
		"bitfield with %d of %d bits set, in session %d at relay parent %s", set, b.Length, b.Session,
		b.RelayParent.Short(),
	)
}

func decodeBitfield(r *reader) (Payload, error) {
	b := Bitfield{Context: Context{Session: r.u32(), RelayParent: r.hash()}, Length: r.u32()}
	if b.Length > MaxBits {
		return nil, malformed("a bitfield has at most %d bits, not %d", MaxBits, b.Length)
	}
	b.Bits = slices.Clone(r.take(int(b.Length+7) / 8))
	return b, b.check()
}
