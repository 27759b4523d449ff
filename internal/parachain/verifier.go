package parachain

import (
	stded25519 "crypto/ed25519"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519/extra/cache"

	"github.com/reevenet/reeve/internal/core/signbytes"
)

// rules are those of ZIP-215, for one signature and for many: with two sets of rules a validator could sign what some
// nodes take for its own and others don't.
var rules = &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215}

// Claim says that a payload was signed with a key.
type Claim struct {
	Payload   signbytes.Payload
	Signature [stded25519.SignatureSize]byte
	Key       stded25519.PublicKey
}

// Holds tells whether it was. What has no encoding was signed by nobody.
func (c Claim) Holds() bool {
	b, err := c.Payload.Encode()
	return err == nil && len(c.Key) == stded25519.PublicKeySize &&
		ed25519.VerifyWithOptions(ed25519.PublicKey(c.Key), b, c.Signature[:], rules)
}

// Verifier checks many claims at once, for less than half of what they cost singly, and remembers the keys of
// validators in the form that it needs. It may be used by several goroutines.
type Verifier struct{ keys *cache.Verifier }

// rememberedKeys are of the largest set of validators that there may be.
const rememberedKeys = 4096

// NewVerifier returns one that has seen no key.
func NewVerifier() *Verifier { return &Verifier{cache.NewVerifier(cache.NewLRUCache(rememberedKeys))} }

// few is how many claims are checked together when some of many don't hold, so that a false one makes little work for
// the good ones beside it.
const few = 16

// Verify tells of each claim whether it holds: what Holds says.
func (v *Verifier) Verify(claims []Claim) []bool {
	good, encoded := make([]bool, len(claims)), make([][]byte, len(claims))
	for i, c := range claims {
		encoded[i], _ = c.Payload.Encode() // nil: it has no encoding
	}
	v.some(claims, encoded, good, len(claims))
	return good
}

// some checks claims in batches of so many, and those that fail in smaller ones.
func (v *Verifier) some(claims []Claim, encoded [][]byte, good []bool, size int) {
	for at := 0; at < len(claims); at += size {
		to := min(at+size, len(claims))
		switch {
		case to-at > 1 && v.together(claims[at:to], encoded[at:to]):
			for i := at; i < to; i++ {
				good[i] = true
			}
		case to-at > few:
			v.some(claims[at:to], encoded[at:to], good[at:to], few)
		default:
			for i := at; i < to; i++ {
				good[i] = v.one(claims[i], encoded[i])
			}
		}
	}
}

func (v *Verifier) one(c Claim, encoded []byte) bool {
	return encoded != nil && len(c.Key) == stded25519.PublicKeySize &&
		v.keys.VerifyWithOptions(ed25519.PublicKey(c.Key), encoded, c.Signature[:], rules)
}

// together tells whether all claims hold.
func (v *Verifier) together(claims []Claim, encoded [][]byte) bool {
	batch := ed25519.NewBatchVerifierWithCapacity(len(claims))
	for i, c := range claims {
		if encoded[i] == nil || len(c.Key) != stded25519.PublicKeySize {
			return false
		}
		v.keys.AddWithOptions(batch, ed25519.PublicKey(c.Key), encoded[i], c.Signature[:], rules)
	}
	return batch.VerifyBatchOnly(nil)
}
