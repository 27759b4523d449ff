// Package txs is transactions that accounts sign: their encoding, nonces and signatures, the pool of those that wait
// for a block, and what users reach of them over HTTP. An account is an Ed25519 public key and costs nothing. What a
// transaction's kind and payload mean is the VM's: its own type of transaction embeds Tx.
//
// Entries of the database that begin with "n" (accounts) or "t" (accepted transactions) are this package's.
package txs

import (
	"crypto/ed25519"
	"encoding/binary"

	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/state"
)

const (
	accountPrefix = "n"
	acceptedKey   = "t"
	version       = 1
	headerSize    = 1 + 1 + ed25519.PublicKeySize + 8
	minSize       = headerSize + ed25519.SignatureSize
)

// Tx is a signed transaction: version 1, kind (1 byte), public key (32 bytes), nonce (8, big-endian), payload,
// signature (64). The signature covers a name, the chain's id and all before it, so that it means nothing elsewhere.
type Tx struct {
	// Kind says what the transaction does, Payload with what.
	Kind    byte
	Payload []byte
	// Account is the database's key of the sender's entry, which Spend needs.
	Account string

	id    vmsdk.ID
	nonce uint64
	raw   []byte
}

// A Tx is a vmsdk.Tx. Its sender is the public key, as bytes.
func (t *Tx) ID() vmsdk.ID   { return t.id }
func (t *Tx) Sender() string { return t.Account[len(accountPrefix):] }
func (t *Tx) Nonce() uint64  { return t.nonce }
func (t *Tx) Bytes() []byte  { return t.raw }

func (t *Tx) signed() *Tx { return t }

// New makes a transaction for the chain, signed with key. name is the VM's own, the same for all its transactions.
func New(name string, chain vmsdk.ID, key ed25519.PrivateKey, nonce uint64, kind byte, payload []byte) Tx {
	raw := make([]byte, 0, minSize+len(payload))
	raw = append(raw, version, kind)
	raw = append(raw, key.Public().(ed25519.PublicKey)...)
	raw = binary.BigEndian.AppendUint64(raw, nonce)
	raw = append(raw, payload...)
	return read(append(raw, ed25519.Sign(key, covered(name, chain, raw))...))
}

// Parse reads a transaction. The bytes may be anything; the signature isn't checked here.
func Parse(raw []byte) (Tx, error) {
	if len(raw) < minSize {
		return Tx{}, vmsdk.Invalidf("a transaction has at least %d bytes, this one has %d", minSize, len(raw))
	}
	if raw[0] != version {
		return Tx{}, vmsdk.Invalidf("transaction version %d isn't known", raw[0])
	}
	return read(raw), nil
}

func read(raw []byte) Tx {
	end := len(raw) - ed25519.SignatureSize
	return Tx{
		Kind: raw[1], Payload: raw[headerSize:end:end], Account: accountPrefix + string(raw[2:34]),
		id: vmsdk.IDOf(raw), nonce: binary.BigEndian.Uint64(raw[34:]), raw: raw,
	}
}

// covered is what a signature covers.
func covered(name string, chain vmsdk.ID, body []byte) []byte {
	b := make([]byte, 0, len(name)+len(chain)+len(body))
	b = append(b, name...)
	b = append(b, chain[:]...)
	return append(b, body...)
}

// Spend uses the transaction's nonce up, which must be its sender's next in the state that a block makes. Account
// must be loaded.
func (t *Tx) Spend(s *state.State) error {
	if next := nextNonce(s.Get(t.Account)); t.nonce != next {
		return vmsdk.Invalidf("transaction %v has nonce %d, %d is next", t.id.Short(), t.nonce, next)
	}
	s.Put(t.Account, binary.BigEndian.AppendUint64(nil, t.nonce+1))
	return nil
}

// nextNonce reads an account's entry; 0 is next for an account that was never used.
func nextNonce(account []byte) uint64 {
	if len(account) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(account)
}
