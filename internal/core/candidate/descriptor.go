package candidate

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/signbytes"
)

const descriptorSize = signbytes.CollationSize + ed25519.SignatureSize

// Descriptor says which block of which para this is and in which context it was made, signed by its collator.
type Descriptor struct {
	// Collation is what the collator signs.
	Collation signbytes.Collation
	// Signature is ed25519, by the key Collation.Collator.
	Signature [ed25519.SignatureSize]byte
}

// Verify tells whether the signature is the collator's.
func (d Descriptor) Verify() bool {
	return ed25519.Verify(d.Collation.Collator[:], d.payload(), d.Signature[:])
}

func (d Descriptor) payload() []byte {
	payload, err := d.Collation.Encode()
	if err != nil {
		panic("candidate: a collation doesn't encode: " + err.Error()) // Collation.Encode can't fail
	}
	return payload
}

func (d Descriptor) appendTo(b []byte) []byte {
	return append(append(b, d.payload()...), d.Signature[:]...)
}

func (r *reader) descriptor() (d Descriptor) {
	signed := r.take(signbytes.CollationSize)
	d.Signature = [ed25519.SignatureSize]byte(r.take(ed25519.SignatureSize))
	if r.err != nil {
		return Descriptor{}
	}
	payload, err := signbytes.Decode(signed)
	if err != nil {
		r.fail(malformed("the descriptor: %v", err))
		return Descriptor{}
	}
	collation, ok := payload.(signbytes.Collation)
	if !ok {
		r.fail(malformed("the descriptor is a %s", payload.Kind()))
		return Descriptor{}
	}
	d.Collation = collation
	return d
}
