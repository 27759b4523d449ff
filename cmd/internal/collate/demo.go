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

func seedOf(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

// demoBalance is what it has.
const demoBalance = 1_000_000_000

// Demo is the ledger of a development network, and the para for the relay chain's genesis, with its validation code.
func Demo(code []byte) (*Chain, relayvm.GenesisPara) {
	state, head := Genesis(ledger.Account{Key: [ledger.KeySize]byte(demoKey.Public().(ed25519.PublicKey)),
		Balance: demoBalance})
	return New(state), relayvm.GenesisPara{ID: DemoPara, Head: head, Code: code}
}

// Pay has the treasury pay an amount to somebody, and returns the transfer.
func (c *Chain) Pay(to [ledger.KeySize]byte, amount uint64) (ledger.Transfer, error) {
	from := [ledger.KeySize]byte(demoKey.Public().(ed25519.PublicKey))
	_, state := c.Head()
	t := ledger.Transfer{From: from, To: to, Amount: amount}
	if at, known := state.Find(from); known {
		t.Nonce = state[at].Nonce + c.waiting(from)
	}
	t.Signature = [ed25519.SignatureSize]byte(ed25519.Sign(demoKey, t.Payload()))
	return t, c.Transfer(t)
}

// waiting is how many transfers of an account wait for a block.
func (c *Chain) waiting(from [ledger.KeySize]byte) (n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, _ := c.states[c.current.State].Find(from)
	for _, p := range c.pending {
		if p.From == from && p.Nonce >= c.states[c.current.State][at].Nonce {
			n++
		}
	}
	return n
}
