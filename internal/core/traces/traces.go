// Package traces names traces by what they are about. A block, a candidate or a transaction has a hash that every node
// knows; its trace is named by the first 16 bytes of that hash, and the same hash decides whether it is sampled. So all
// nodes sample the same things and their spans join, though no trace context crosses the network. The parent of what
// has no other is a span that nobody exports, named by the hash's last 8 bytes. It is pure: no clock, no protocol.
package traces

import (
	"encoding/binary"
	"encoding/hex"
)

// Sampler is the share of hashes whose traces are sampled. The zero value samples none.
type Sampler struct {
	threshold uint64 // a hash whose third quarter is below is sampled
	all       bool
}

// Sample makes the sampler of a share from 0 to 1.
func Sample(share float64) Sampler {
	switch {
	case share <= 0:
		return Sampler{}
	case share >= 1:
		return Sampler{all: true}
	}
	return Sampler{threshold: uint64(share * (1 << 63) * 2)}
}

// Sampled tells whether what has this hash is traced. Its trace is At's then.
func (s Sampler) Sampled(hash []byte) bool {
	return len(hash) == 32 && (s.all || binary.BigEndian.Uint64(hash[16:]) < s.threshold)
}

// At is the trace of what has this hash, of 32 bytes, in the form of W3C's header traceparent, as sampled.
func At(hash []byte) string {
	return "00-" + hex.EncodeToString(hash[:16]) + "-" + hex.EncodeToString(hash[24:32]) + "-01"
}

// Of is the trace of what has this hash; empty when it isn't sampled.
func (s Sampler) Of(hash []byte) string {
	if !s.Sampled(hash) {
		return ""
	}
	return At(hash)
}
