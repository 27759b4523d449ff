package virtual

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// RNG is the source of randomness of one role: network, disk, crash, adversary, workload, a process. Roles are split
// from the seed, so that one more draw in one of them shifts none of the others.
func RNG(seed uint64, role string, numbers ...int) *rand.Rand {
	key := Key(seed, role, numbers...)
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(key[:]), binary.LittleEndian.Uint64(key[8:])))
}

// Key is 32 bytes that the seed and a role determine: a secret key, an identity.
func Key(seed uint64, role string, numbers ...int) [32]byte {
	b := append([]byte("reeve simulation\x00"), role...)
	b = binary.BigEndian.AppendUint64(append(b, 0), seed)
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return sha256.Sum256(b)
}

// Between is a duration drawn evenly from least to most.
func Between(r *rand.Rand, least, most time.Duration) time.Duration {
	if most <= least {
		return least
	}
	return least + time.Duration(r.Int64N(int64(most-least)+1))
}

// Chance is true with probability p. It always draws, so that the draws after it don't depend on p.
func Chance(r *rand.Rand, p float64) bool { return r.Float64() < p }
