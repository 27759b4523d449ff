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
		if errs := newSignatures(vmsdk.ID{1}).check([]*Tx{tx, tx}); errs[0] == nil {
			t.Errorf("%x is signed for a chain that nobody signs for", raw)
		}
	})
}

func FuzzBlock(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	b := &block{height: 1, txs: []*Tx{NewTx(vmsdk.ID{}, key, 1, Put, []byte("key"), []byte("value"))}}
	f.Add(b.seal().raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := (&VM{}).parseBlock(raw)
		if err != nil {
			return
		}
		again := &block{parentID: b.parentID, height: b.height, millis: b.millis, stateRoot: b.stateRoot, txs: b.txs}
		if again.seal().id != b.id {
			t.Errorf("%x has two encodings", raw)
		}
	})
}
