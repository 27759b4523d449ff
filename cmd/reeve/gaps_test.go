package main

import (
	"bytes"
	"crypto/ed25519"
	"net/http"
	"testing"

	"github.com/reevenet/reeve/vmhost/kvvm"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// One user posts to a real network what can never run, as much as a pool once held. Everybody else goes on, on every
// node.
func TestOneUsersTransactionsThatCantRunKeepNobodyOut(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some twenty processes")
	}
	m := newMachine(t)
	m.reeve("devnet", "up", "--detach", "--port-base", "0", "-o", "json", "--timeout", "50s")
	m.downAtTheEnd()
	s := m.status()
	clients := make([]*kv.Client, len(s.Nodes))
	for i, n := range s.Nodes {
		clients[i] = kv.New(n.HTTP, "kv")
	}
	head, err := clients[0].Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range unrunnable(kv.NewAccount(), head.ChainID, 20_000) {
		for _, n := range s.Nodes {
			r, err := http.Post(n.HTTP+"/ext/bc/kv/txs", "application/octet-stream", bytes.NewReader(batch))
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
		}
	}
	for i, c := range clients {
		if h, err := c.Head(t.Context()); err != nil || h.Pending == 0 || h.Pending > vmsdk.DefaultMaxTxs/16 {
			t.Errorf("%s: %+v, %v", s.Nodes[i].Name, h, err)
		}
	}
	for i, c := range clients {
		if _, err := c.Put(t.Context(), kv.NewAccount(), 0, "honest", s.Nodes[i].Name); err != nil {
			t.Errorf("another user at %s: %v", s.Nodes[i].Name, err)
		}
	}
}

// unrunnable are transactions with the nonces from 1 on, in batches. The one with nonce 0 never comes.
func unrunnable(key ed25519.PrivateKey, chain vmsdk.ID, count int) (batches [][]byte) {
	var batch []byte
	for nonce := range uint64(count) {
		batch = vmsdk.AppendTx(batch, kvvm.NewTx(chain, key, nonce+1, kvvm.Put, []byte("k"), []byte("v")).Bytes())
		if (nonce+1)%1000 == 0 {
			batches, batch = append(batches, batch), nil
		}
	}
	return batches
}
