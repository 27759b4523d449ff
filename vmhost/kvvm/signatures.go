package kvvm

import (
	stded25519 "crypto/ed25519"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519/extra/cache"

	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// options are the ZIP-215 rules, for one signature and for many: two sets of rules would let one transaction be good for some
// nodes only.
var options = &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215}

// signatures checks many at once, and remembers the expanded keys of senders that come often.
type signatures struct {
	chain vmsdk.ID
	keys  *cache.Verifier
}

func newSignatures(chain vmsdk.ID) *signatures {
	return &signatures{chain: chain, keys: cache.NewVerifier(cache.NewLRUCache(4096))}
}

// check returns an error per transaction. A batch that fails is checked one by one, to find out which.
func (s *signatures) check(txs []*Tx) []error {
	errs := make([]error, len(txs))
	if len(txs) == 0 {
		return errs
	}
	batch := ed25519.NewBatchVerifierWithCapacity(len(txs))
	for _, tx := range txs {
		body, signature := tx.split()
		s.keys.AddWithOptions(batch, []byte(tx.sender), signed(s.chain, body), signature, options)
	}
	if len(txs) > 1 && batch.VerifyBatchOnly(nil) {
		return errs
	}
	for i, tx := range txs {
		body, signature := tx.split()
		if !s.keys.VerifyWithOptions([]byte(tx.sender), signed(s.chain, body), signature, options) {
			errs[i] = vmsdk.Invalidf("transaction %v has no valid signature for this chain", tx.id.Short())
		}
	}
	return errs
}

func (t *Tx) split() (body, signature []byte) {
	at := len(t.raw) - stded25519.SignatureSize
	return t.raw[:at], t.raw[at:]
}
