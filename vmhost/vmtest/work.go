package vmtest

import (
	"crypto/ed25519"
	"fmt"
	"strings"

	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// Post is work that arrives as an HTTP request: {n} in the body is the number of the piece of work.
func Post(path, body string) Work {
	return func(s *Session, n int) error {
		code, answer, err := s.HTTP("POST", path, []byte(strings.ReplaceAll(body, "{n}", fmt.Sprint(n))))
		if err == nil && code >= 300 {
			err = fmt.Errorf("POST %s: %d %s", path, code, answer)
		}
		return err
	}
}

// KV is work for kvvm: signed transactions, told by a peer.
func KV() Work {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	return func(s *Session, n int) error {
		tx := kvvm.NewTx(ChainID, key, uint64(n), kvvm.Put, fmt.Appendf(nil, "key %d", n%3), fmt.Appendf(nil, "value %d", n))
		return s.Gossip(vmsdk.JoinTxs(tx.Bytes()))
	}
}
