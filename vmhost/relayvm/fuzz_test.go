package relayvm

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/txs"
)

func everyCall() []Call {
	return []Call{
		Transfer{public(bob), 7}, Upload{Code: primitives.HashOf([]byte("x")), Size: 1, Part: []byte("x")},
		Register{Para: 2000, Kind: Parathread, Head: []byte("head")}, UpgradeCode{Para: 100}, Claim{Para: 100},
		Configure{DefaultConfiguration()}, Validators{{PublicKey: primitives.Hash{1}, NodeID: primitives.NodeID{2}}},
	}
}

func TestEveryCallComesBackAsItWas(t *testing.T) {
	list := everyCall()
	if len(list) != len(calls) {
		t.Errorf("%d calls are tried, there are %d", len(list), len(calls))
	}
	for _, c := range list {
		tx, err := ParseTx(NewTx(chainID, alice, 1, c).Bytes())
		if err != nil || !bytes.Equal(tx.Call().encode(), c.encode()) || tx.Call().kind() != c.kind() {
			t.Errorf("%T: %v", c, err)
		}
	}
}

// What parses comes back as it was; but JSON has many spellings.
func FuzzTx(f *testing.F) {
	for _, c := range everyCall() {
		f.Add(NewTx(chainID, alice, 1, c).Bytes())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx, err := ParseTx(raw)
		if err != nil {
			return
		}
		again := tx.Call().encode()
		if tx.Kind < 5 && !bytes.Equal(again, tx.Payload) {
			t.Errorf("%x has two encodings", raw)
		}
		if _, err := calls[tx.Kind](again); err != nil {
			t.Errorf("%x comes back as %x, which doesn't parse: %v", raw, again, err)
		}
	})
}

func FuzzBlock(f *testing.F) {
	list := []*Tx{NewTx(chainID, alice, 1, Transfer{})}
	b := &block{Block: txs.NewBlock(nil, born, [32]byte{1}, list), inherentHash: vmsdk.ID{2}}
	b.seal()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := parseBlock(raw)
		if err != nil {
			return
		}
		again := &block{Block: got.Block, consensusParent: got.consensusParent, inherentHash: got.inherentHash}
		if again.seal(); again.id != got.id || !bytes.Equal(again.raw, raw) {
			t.Errorf("%x has two encodings", raw)
		}
	})
}

func FuzzGenesis(f *testing.F) {
	text, err := genesisOf(2, nil).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var g Genesis
		if json.Unmarshal(raw, &g) != nil || g.Check() != nil {
			return
		}
		if _, err := g.Encode(); err != nil {
			t.Error(err)
		}
		w := g.world()
		for key := range w.changed {
			if back := emptyWorld(); back.decode(piece{Key: key, Value: w.encode(key)}) != nil {
				t.Errorf("%s doesn't come back", key)
			}
		}
	})
}

// Whatever an inherent is, the dry run refuses it or leaves something that a block may have.
func FuzzInherent(f *testing.F) {
	n := startNetwork(f, 4, nil)
	n.next(offers(n.made(100, free, "head 1", nil)))
	data := offers(n.made(101, free, "head 1", nil))
	data.Bitfields = append(data.Bitfields, n.bits(0, 0), n.bits(1, 0), n.bits(2, 0))
	data.MisbehaviorReports = append(data.MisbehaviorReports, n.contradiction(3))
	f.Add(raw(f, data))
	at := vmsdk.RuntimeBlock{ID: n.last.ID(), Consensus: consensus(n.last)}
	f.Fuzz(func(t *testing.T, inherent []byte) {
		usable, err := n.vm.CheckInherent(ctx, at, inherent)
		if err != nil {
			return
		}
		if _, err := n.vm.BuildBlock(ctx, n.last, n.in(usable)); err != nil {
			t.Errorf("%x leaves %x: %v", inherent, usable, err)
		}
	})
}
