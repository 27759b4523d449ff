package abuse

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"net/http"

	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// What clients have the chain's VM do, which decides blocks beside it.
var chainAttacks = []Attack{
	{Name: "calls-of-the-vm", Door: Client, Does: "the nonce of an account, 4,000/s", Most: 64, run: callsOfTheVM},
	{Name: "bad-signatures", Door: Client, Does: "1,000 transactions with bad signatures, 20/s", Most: 96,
		run: badSignatures},
	{Name: "nonce-gaps", Door: Client, Does: "transactions of one key without its first, 2,000/s", Most: 96,
		run: nonceGaps},
}

func callsOfTheVM(ctx context.Context, a *attacker) error {
	nobody := hex.EncodeToString(make([]byte, ed25519.PublicKeySize))
	url := "http://" + a.HTTP + "/ext/bc/" + a.Chain + "/account/" + nobody
	return a.gets(ctx, 4000, func(int) string { return url })
}

// posts sends a batch of transactions.
func (a *attacker) posts(ctx context.Context, client *http.Client, batch []byte) error {
	url := "http://" + a.HTTP + "/ext/bc/" + a.Chain + "/txs"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(batch))
	if err == nil {
		a.exchange(client, req)
	}
	return err
}

// badSignatures posts what costs the most to refuse: the first transactions of so many accounts, which nobody has signed.
func badSignatures(ctx context.Context, a *attacker) error {
	var batch []byte
	for range 1000 {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			return err
		}
		content := bytes.Clone(kvvm.NewTx(a.ChainID, key, 0, kvvm.Put, []byte("bad"), nil).Bytes())
		content[len(content)-1] ^= 1
		batch = vmsdk.AppendTx(batch, content)
	}
	client := a.browser()
	defer client.CloseIdleConnections()
	return a.atOnce(ctx, 20, func(int) { _ = a.posts(ctx, client, batch) }) // the request can be made
}

// nonceGaps posts transactions that can't run, because the first of their account is missing.
func nonceGaps(ctx context.Context, a *attacker) error {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	client, nonce := a.browser(), uint64(0)
	defer client.CloseIdleConnections()
	return often(ctx, 4, func(int) error {
		var batch []byte
		for range 500 {
			nonce++
			tx := kvvm.NewTx(a.ChainID, key, nonce, kvvm.Put, []byte("gap"), nil)
			batch = vmsdk.AppendTx(batch, tx.Bytes())
		}
		return a.posts(ctx, client, batch)
	})
}
