package chain

import (
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/kvvm"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

func newTestAccount(size int) *account {
	return &account{chain: vmsdk.ID{1}, key: kv.NewAccount(), name: "0123456789ab", size: size}
}

func TestTransactionsHaveTheSizeAndKeysOfTheirOwn(t *testing.T) {
	a := newTestAccount(200)
	seen := map[string]bool{}
	for nonce := range uint64(3) {
		key, tx := a.next()
		if len(tx.Bytes()) != 200 || tx.Nonce() != nonce || seen[key] {
			t.Fatalf("nonce %d: %d bytes, key %s", tx.Nonce(), len(tx.Bytes()), key)
		}
		seen[key] = true
	}
}

func TestABatchIsWhatTheNodeSplits(t *testing.T) {
	var batch []byte
	for _, tx := range newTestAccount(300).sign(3) {
		batch = append(batch, tx...)
	}
	txs, err := vmsdk.SplitTxs(batch, 10)
	if err != nil || len(txs) != 3 {
		t.Fatalf("%d transactions, %v", len(txs), err)
	}
	for _, raw := range txs {
		if _, err := kvvm.ParseTx(raw); err != nil {
			t.Fatal(err)
		}
	}
}

func TestATransactionIsFinalWhenTheLastNodeTellsOfIt(t *testing.T) {
	l := newLedger(2)
	start := l.heard
	_, tx := newTestAccount(200).next()
	l.due(tx, start)
	l.acknowledged(tx)
	block := kv.Block{Height: 1, Txs: []primitives.Hash{id(tx)}}
	if l.waiting() != 1 {
		t.Fatal("nobody waits for it")
	}
	l.told(0, block, start.Add(10*time.Millisecond))
	if l.times.TotalCount() != 0 || l.waiting() != 0 {
		t.Fatal("final on one node of two, or still waited for")
	}
	l.told(1, block, start.Add(30*time.Millisecond))
	if got := l.times.ValueAtQuantile(50); got < 29_900 || got > 30_100 {
		t.Fatalf("%d µs", got)
	}
}

func TestTheLongestGapIsBetweenNewHeightsOfAnyNode(t *testing.T) {
	l := newLedger(2)
	start := l.heard
	for _, told := range []struct{ node, height, millis int }{{0, 1, 10}, {1, 1, 500}, {1, 2, 40}, {0, 2, 900},
		{0, 3, 140}} {
		l.told(told.node, kv.Block{Height: uint64(told.height)}, start.Add(time.Duration(told.millis)*time.Millisecond))
	}
	if l.gap != 100*time.Millisecond {
		t.Fatalf("gap %v", l.gap)
	}
}
