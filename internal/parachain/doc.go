// Package parachain stands between the messages of the parachain host and the canonical values behind them: it makes
// one of the other, and tells whether a signature is that of who it is said to be. Whoever hashes, compares or signs
// something of a candidate does it with the canonical value (package candidate); whoever sends it, with the message.
//
// It believes nothing of a message: a hash of another length, a missing part or a row of bits with something past its
// end is an error that wraps candidate.ErrMalformed and names the part. It checks a signature only when asked to.
package parachain

import (
	"crypto/ed25519"
	"fmt"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/primitives"
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{candidate.ErrMalformed}, args...)...)
}

// fields reads the parts of a message and keeps the first thing that is wrong.
type fields struct{ err error }

func (f *fields) hash(name string, b []byte) primitives.Hash {
	h, err := primitives.HashFrom(b)
	if err != nil && f.err == nil {
		f.err = malformed("%s: %v", name, err)
	}
	return h
}

func (f *fields) signature(b []byte) (s [ed25519.SignatureSize]byte) {
	if len(b) != len(s) && f.err == nil {
		f.err = malformed("a signature of %d bytes", len(b))
	}
	copy(s[:], b)
	return s
}

func (f *fields) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}
