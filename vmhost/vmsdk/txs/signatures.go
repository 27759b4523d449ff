package txs

import (
	stded25519 "crypto/ed25519"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519/extra/cache"

	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// options are the ZIP-215 rules, for one signature and for many: two sets of rules would let one transaction be good
// for some nodes only.
var options = &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215}

// signatures checks many at once, and remembers the expanded keys of senders that come often.
type signatures struct {
	name  string
	chain vmsdk.ID
	keys  *cache.Verifier
}

func newSignatures(name string, chain vmsdk.ID) *signatures {
	return &signatures{name: name, chain: chain, keys: cache.NewVerifier(cache.NewLRUCache(4096))}
}

// few is how many signatures are checked one by one when some of them is bad, so that a bad one makes little work for
// the good ones beside it.
const few = 32

// check returns an error per transaction. A batch that fails is checked in smaller ones, and of those that fail each
// signature, to find out which.
func (s *signatures) check(txs []*Tx) []error {
	errs := make([]error, len(txs))
	if len(txs) == 0 || s.good(txs) {
		return errs
	}
	for at := 0; at < len(txs); at += few {
		some := txs[at:min(at+few, len(txs))]
		if len(some) < len(txs) && s.good(some) {
			continue
		}
		for i, tx := range some {
			body, signature := tx.split()
			if !s.keys.VerifyWithOptions([]byte(tx.Sender()), covered(s.name, s.chain, body), signature, options) {
				errs[at+i] = vmsdk.Invalidf("transaction %v has no valid signature for this chain", tx.id.Short())
			}
		}
	}
	return errs
}

// good reports whether all signatures are. One alone is never found good: checking it as a batch costs more.
func (s *signatures) good(txs []*Tx) bool {
	if len(txs) == 1 {
		return false
	}
	batch := ed25519.NewBatchVerifierWithCapacity(len(txs))
	for _, tx := range txs {
		body, signature := tx.split()
		s.keys.AddWithOptions(batch, []byte(tx.Sender()), covered(s.name, s.chain, body), signature, options)
	}
	return batch.VerifyBatchOnly(nil)
}

func (t *Tx) split() (body, signature []byte) {
	at := len(t.raw) - stded25519.SignatureSize
	return t.raw[:at], t.raw[at:]
}
