package erasure

import (
	"fmt"

	"github.com/klauspost/reedsolomon"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// MaxData is the length in bytes of the longest data: a proof of validity of 10 MiB with its context, and room to grow.
const MaxData = 16 << 20

// MaxChunks is the largest number of chunks, and so of validators: as many as can sign a certificate of finality.
const MaxChunks = 1 << 12

// Codec is how parity is computed. Two codecs give different parity for the same data, so all validators of a session
// must use the same one; it is part of the root. The number is part of the protocol.
type Codec uint8

// The codecs. Both are those of github.com/klauspost/reedsolomon, whose parity the vectors in docs/candidates.md pin.
const (
	// ClassicGF8 multiplies by a systematic Vandermonde matrix over GF(2^8). It has at most 256 chunks.
	ClassicGF8 Codec = 1
	// LeopardGF16 is an additive FFT over GF(2^16) (Lin, Al-Naffouri, Han, Chung: IEEE Trans. Inf. Theory, 2016), in
	// the layout of github.com/catid/leopard.
	LeopardGF16 Codec = 2
)

const maxClassic = 256

// CodecFor is the codec of a session that doesn't name one: the faster one to recover with for its number of
// validators, ClassicGF8 up to 256 and LeopardGF16 above.
func CodecFor(n int) Codec {
	if n <= maxClassic {
		return ClassicGF8
	}
	return LeopardGF16
}

// String is the codec's name.
func (c Codec) String() string {
	switch c {
	case ClassicGF8:
		return "classic GF(2^8)"
	case LeopardGF16:
		return "Leopard GF(2^16)"
	}
	return fmt.Sprintf("codec %d", uint8(c))
}

// DataChunks is k, the number of chunks that are enough, of n: one more than there may be faulty validators, so it is
// certain that one of those who say that they hold a chunk does.
func DataChunks(n int) int { return primitives.Byzantine(n) + 1 }

func check(codec Codec, n int) error {
	most := MaxChunks
	switch codec {
	case ClassicGF8:
		most = maxClassic
	case LeopardGF16:
	default:
		return fmt.Errorf("%w: unknown %s", ErrSession, codec)
	}
	if n < 1 || n > most {
		return fmt.Errorf("%w: %s makes 1 to %d chunks, not %d", ErrSession, codec, most, n)
	}
	return nil
}

// newParity makes the library's encoder; nil where there is no parity. It has no goroutine of its own and remembers
// nothing: a cache of inverted matrices would grow with every set of chunks that peers choose to send.
func newParity(codec Codec, n int) (reedsolomon.Encoder, error) {
	k := DataChunks(n)
	if n == k {
		return nil, nil
	}
	return reedsolomon.New(k, n-k, reedsolomon.WithMaxGoroutines(1), reedsolomon.WithInversionCache(false),
		reedsolomon.WithLeopardGF16(codec == LeopardGF16))
}
