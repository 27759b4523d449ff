package kvvm

import (
	"crypto/ed25519"
	"encoding/binary"

	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// Limits of a transaction, in bytes.
const (
	MaxKey   = 256
	MaxValue = 16 << 10
)

// Op is what a transaction does.
type Op byte

const (
	// Put sets a key.
	Put Op = 0
	// Delete removes a key, if it is there.
	Delete Op = 1
)

// Tx is a signed transaction: version 1, op, public key (32 bytes), nonce (8), length of the key (2), key, length of the value
// (4), value, signature (64); numbers big-endian. The signature covers a name, the chain's id and all before it, so that it means
// nothing elsewhere.
type Tx struct {
	Op    Op
	Key   []byte
	Value []byte

	id     vmsdk.ID
	sender string // the public key's bytes
	nonce  uint64
	raw    []byte
	// account and entry are the database's keys of the sender and of Key.
	account, entry string
}

const (
	txVersion   = 1
	signingName = "reeve.kv.tx.v1"
	// minTx is the size of a transaction with an empty key and value.
	minTx = 1 + 1 + ed25519.PublicKeySize + 8 + 2 + 4 + ed25519.SignatureSize
	maxTx = minTx + MaxKey + MaxValue
)

// ID is the SHA-256 of the bytes.
func (t *Tx) ID() vmsdk.ID { return t.id }

// Sender is the public key.
func (t *Tx) Sender() string { return t.sender }

// Nonce counts the sender's transactions, from 0.
func (t *Tx) Nonce() uint64 { return t.nonce }

// Bytes is the signed transaction.
func (t *Tx) Bytes() []byte { return t.raw }

// NewTx makes a transaction for the chain, signed with key.
func NewTx(chain vmsdk.ID, key ed25519.PrivateKey, nonce uint64, op Op, k, v []byte) *Tx {
	raw := make([]byte, 0, minTx+len(k)+len(v))
	raw = append(raw, txVersion, byte(op))
	raw = append(raw, key.Public().(ed25519.PublicKey)...)
	raw = binary.BigEndian.AppendUint64(raw, nonce)
	raw = binary.BigEndian.AppendUint16(raw, uint16(len(k)))
	raw = append(raw, k...)
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(v)))
	raw = append(raw, v...)
	raw = append(raw, ed25519.Sign(key, signed(chain, raw))...)
	return decodeTx(raw, k, v)
}

// signed is what a signature covers.
func signed(chain vmsdk.ID, body []byte) []byte {
	b := make([]byte, 0, len(signingName)+len(chain)+len(body))
	b = append(b, signingName...)
	b = append(b, chain[:]...)
	return append(b, body...)
}

// ParseTx reads a transaction. The bytes may be anything; the signature isn't checked here.
func ParseTx(raw []byte) (*Tx, error) {
	if len(raw) < minTx || len(raw) > maxTx {
		return nil, vmsdk.Invalidf("a transaction has %d to %d bytes, this one has %d", minTx, maxTx, len(raw))
	}
	if raw[0] != txVersion || Op(raw[1]) > Delete {
		return nil, vmsdk.Invalidf("transaction version %d, operation %d: not known", raw[0], raw[1])
	}
	rest := raw[42 : len(raw)-ed25519.SignatureSize]
	k, rest, ok := cut(rest, 2)
	if !ok || len(k) == 0 || len(k) > MaxKey {
		return nil, vmsdk.Invalidf("a transaction's key has 1 to %d bytes", MaxKey)
	}
	v, rest, ok := cut(rest, 4)
	if !ok || len(v) > MaxValue || len(rest) != 0 {
		return nil, vmsdk.Invalidf("a transaction's value has at most %d bytes and the signature after it", MaxValue)
	}
	if Op(raw[1]) == Delete && len(v) > 0 {
		return nil, vmsdk.Invalidf("a deletion has no value")
	}
	return decodeTx(raw, k, v), nil
}

// cut takes a byte string with its length, a number of size bytes, before it.
func cut(b []byte, size int) (value, rest []byte, ok bool) {
	if len(b) < size {
		return nil, nil, false
	}
	n := 0
	for _, digit := range b[:size] {
		n = n<<8 | int(digit)
	}
	if b = b[size:]; n > len(b) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}

// decodeTx fills in a transaction of the right shape.
func decodeTx(raw, k, v []byte) *Tx {
	account := noncePrefix + string(raw[2:34])
	return &Tx{
		Op: Op(raw[1]), Key: k, Value: v,
		id: vmsdk.IDOf(raw), sender: account[len(noncePrefix):], nonce: binary.BigEndian.Uint64(raw[34:]), raw: raw,
		account: account, entry: valuePrefix + string(k),
	}
}
