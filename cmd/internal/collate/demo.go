package collate

import (
	"crypto/ed25519"
	"crypto/sha256"

	"github.com/reevenet/reeve/services/collator/ledger"
	"github.com/reevenet/reeve/vmhost/relayvm"
)

// DemoPara is the id of the ledger on a development network.
const DemoPara = 2000

// demoKey is the account that has everything in the beginning. Everybody knows its key: it is for development networks.
var demoKey = ed25519.NewKeyFromSeed(seedOf("reeve ledger: the treasury of development networks"))

// DemoTreasury is that account.
var DemoTreasury = demoKey.Public().(ed25519.PublicKey)

func seedOf(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

// demoBalance is what it has.
const demoBalance = 1_000_000_000

// Demo is the ledger of a development network, and the para for the relay chain's genesis, with its validation code.
func Demo(code []byte) (*Chain, relayvm.GenesisPara) {
	state, head := Genesis(ledger.Account{Key: [ledger.KeySize]byte(DemoTreasury), Balance: demoBalance})
	return New(state), relayvm.GenesisPara{ID: DemoPara, Head: head, Code: code}
}

var shopKey = ed25519.NewKeyFromSeed(seedOf("reeve ledger: a shop of development networks"))

// DemoPayee is the account that Pay pays to.
var DemoPayee = shopKey.Public().(ed25519.PublicKey)

// Pay has the treasury pay an amount to the payee, with the transaction that follows on those that wait.
func (c *Chain) Pay(amount uint64) error {
	t := ledger.Transfer{
		From: [ledger.KeySize]byte(DemoTreasury), To: [ledger.KeySize]byte(DemoPayee), Amount: amount,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	state := c.states[c.current.State]
	at, known := state.Find(t.From)
	if !known {
		return ledger.ErrFunds
	}
	t.Nonce = state[at].Nonce
	for _, p := range c.pending {
		if p.From == t.From {
			t.Nonce = max(t.Nonce, p.Nonce+1)
		}
	}
	t.Signature = [ed25519.SignatureSize]byte(ed25519.Sign(demoKey, t.Payload()))
	return c.take(t)
}
