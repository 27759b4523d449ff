package txs

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/reevenet/reeve/vmhost/vmsdk"
)

func parse(raw []byte) (*Tx, error) {
	tx, err := Parse(raw)
	return &tx, err
}

var someone = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func sign(chain vmsdk.ID, nonce uint64, payload string) *Tx {
	tx := New("a name", chain, someone, nonce, 1, []byte(payload))
	return &tx
}

func FuzzTx(f *testing.F) {
	f.Add(sign(vmsdk.ID{}, 1, "payload").Bytes())
	f.Add(sign(vmsdk.ID{}, 1, "").Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx, err := parse(raw)
		if err != nil {
			return
		}
		again := New("a name", vmsdk.ID{}, someone, tx.Nonce(), tx.Kind, tx.Payload)
		want, _ := tx.split()
		if got, _ := again.split(); len(got) != len(want) || !bytes.Equal(got[34:], want[34:]) { // after the public key
			t.Errorf("%x has two encodings", raw)
		}
		if errs := newSignatures("a name", vmsdk.ID{1}).check([]*Tx{tx, tx}); errs[0] == nil {
			t.Errorf("%x is signed for a chain that nobody signs for", raw)
		}
	})
}

func FuzzBlock(f *testing.F) {
	genesis := NewBlock[*Tx](nil, time.UnixMilli(5), [32]byte{1}, nil)
	b := NewBlock(&genesis, time.UnixMilli(9), [32]byte{2}, []*Tx{sign(vmsdk.ID{}, 1, "payload")})
	f.Add(genesis.Bytes())
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := ParseBlock(raw, 100, parse)
		if err != nil {
			return
		}
		again := Block[*Tx]{Root: b.Root, Txs: b.Txs, parent: b.parent, height: b.height, millis: b.millis}
		if again.seal(); again.id != b.id {
			t.Errorf("%x has two encodings", raw)
		}
	})
}
