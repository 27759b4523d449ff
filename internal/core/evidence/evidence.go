// Package evidence holds the proof that a validator has signed two different things for one place: two blocks for one
// slot of a height, or two votes for one phase of a round. No honest validator does, whatever crashes, since its
// keystore refuses. Anybody who knows the validators can check it; it names the key, and needs nobody's word.
//
// It is pure. It keeps nothing and accuses nobody: what follows from evidence is for others to decide.
package evidence

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/validators"
)

// Signed is a payload in the encoding of package signbytes, and a signature of it.
type Signed struct {
	Payload   []byte
	Signature [ed25519.SignatureSize]byte
}

// Evidence is one fault. Only New and Decode make it, so what it holds are two different payloads for one place; the
// signatures are checked by Check.
type Evidence struct {
	key           primitives.Hash
	first, second Signed // the payload with the lesser bytes is the first: one fault has one form
	said          [2]signbytes.Payload
	place         Place
}

var (
	// ErrMalformed: the bytes aren't evidence.
	ErrMalformed = errors.New("not evidence")
	// ErrNoFault: what was signed may both be signed.
	ErrNoFault = errors.New("it proves no fault")
)

// New makes evidence of two things that the key has signed, in any order. It keeps the payloads.
func New(key ed25519.PublicKey, a, b Signed) (*Evidence, error) {
	k, err := primitives.HashFrom(key)
	if err != nil {
		return nil, fmt.Errorf("%w: a key has %d bytes, not %d", ErrMalformed, ed25519.PublicKeySize, len(key))
	}
	e := &Evidence{key: k, first: a, second: b}
	if bytes.Compare(a.Payload, b.Payload) > 0 {
		e.first, e.second = b, a
	}
	if err := e.read(); err != nil {
		return nil, err
	}
	return e, nil
}

// read takes the payloads apart and makes sure that they contradict each other.
func (e *Evidence) read() error {
	if bytes.Equal(e.first.Payload, e.second.Payload) {
		return fmt.Errorf("%w: both are the same", ErrNoFault)
	}
	var places [2]Place
	for i, s := range []Signed{e.first, e.second} {
		p, err := signbytes.Decode(s.Payload)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		at, ok := placeOf(p)
		if !ok {
			return fmt.Errorf("%w: a %s is neither a block nor a vote", ErrMalformed, p.Kind())
		}
		e.said[i], places[i] = p, at
	}
	if places[0] != places[1] {
		return fmt.Errorf("%w: one is for %s, the other for %s", ErrNoFault, places[0], places[1])
	}
	e.place = places[0]
	return nil
}

// Key is the public key that signed both.
func (e *Evidence) Key() ed25519.PublicKey { return e.key[:] }

// Place is what both are signed for.
func (e *Evidence) Place() Place { return e.place }

// Said is what was signed, the one with the lesser encoding first.
func (e *Evidence) Said() (first, second signbytes.Payload) { return e.said[0], e.said[1] }

// ID names the evidence: the hash of its encoding.
func (e *Evidence) ID() primitives.Hash { return primitives.HashOf(e.Encode()) }

// String says it in a log.
func (e *Evidence) String() string {
	return fmt.Sprintf("key %s signed two things for %s: %s, and %s", e.key.Short(), e.place, e.said[0], e.said[1])
}

// Check tells whether the evidence holds on a chain, and which validator of the set it is against. An error is
// ErrNoFault and says what is missing.
func (e *Evidence) Check(network uint32, chain primitives.Hash, set *validators.Set) (who int, err error) {
	if e.place.NetworkID != network || e.place.ChainID != chain {
		return 0, fmt.Errorf("%w here: it is about chain %s of network %d",
			ErrNoFault, e.place.ChainID.Short(), e.place.NetworkID)
	}
	who, ok := indexOf(set, e.Key())
	if !ok {
		return 0, fmt.Errorf("%w here: key %s is no validator's", ErrNoFault, e.key.Short())
	}
	for i, s := range []Signed{e.first, e.second} {
		if !ed25519.Verify(e.Key(), s.Payload, s.Signature[:]) {
			return 0, fmt.Errorf("%w: the signature of the %s is wrong", ErrNoFault, e.said[i])
		}
	}
	return who, nil
}

func indexOf(set *validators.Set, key ed25519.PublicKey) (int, bool) {
	for i := range set.Len() {
		if bytes.Equal(set.At(i).Key, key) {
			return i, true
		}
	}
	return 0, false
}
