package kvvm

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// What parses has one encoding, and comes back the same.
func FuzzTx(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	f.Add(NewTx(vmsdk.ID{}, key, 1, Put, []byte("key"), []byte("value")).Bytes())
	f.Add(NewTx(vmsdk.ID{}, key, 1, Delete, []byte("key"), nil).Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx, err := ParseTx(raw)
		if err != nil {
			return
		}
		if len(tx.Key) == 0 || len(tx.Key) > MaxKey || len(tx.Value) > MaxValue || !bytes.Equal(tx.Bytes(), raw) {
			t.Errorf("%x gave %+v", raw, tx)
		}
		again := NewTx(vmsdk.ID{}, key, tx.Nonce(), tx.Op, tx.Key, tx.Value)
		if !bytes.Equal(again.Payload, tx.Payload) || again.entry != tx.entry {
			t.Errorf("%x has two encodings", raw)
		}
	})
}
