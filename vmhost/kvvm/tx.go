package kvvm

import (
	"crypto/ed25519"
	"encoding/binary"

	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/state"
	"github.com/reevenet/reeve/vmhost/vmsdk/txs"
)

// Limits of a transaction, in bytes.
const (
	MaxKey   = 256
	MaxValue = 16 << 10
)

// Op is what a transaction does: its kind.
type Op byte

const (
	Put    Op = 0 // sets a key
	Delete Op = 1 // removes a key, if it is there
)

const (
	// signingName is what every signature covers first.
	signingName = "reeve.kv.tx.v1"
	// valuePrefix begins the database's key of a value. Package txs has others, for accounts and accepted transactions.
	valuePrefix = "k"
)

// Tx is a signed transaction. Its payload is key and value, each after its length (2 and 4 bytes, big-endian).
type Tx struct {
	txs.Tx
	Op         Op
	Key, Value []byte
	entry      string // the database's key of Key
}

// NewTx makes a transaction for the chain, signed with key.
func NewTx(chain vmsdk.ID, key ed25519.PrivateKey, nonce uint64, op Op, k, v []byte) *Tx {
	payload := binary.BigEndian.AppendUint16(make([]byte, 0, 6+len(k)+len(v)), uint16(len(k)))
	payload = append(payload, k...)
	payload = binary.BigEndian.AppendUint32(payload, uint32(len(v)))
	payload = append(payload, v...)
	signed := txs.New(signingName, chain, key, nonce, byte(op), payload)
	return &Tx{Tx: signed, Op: op, Key: k, Value: v, entry: valuePrefix + string(k)}
}

// ParseTx reads a transaction. The bytes may be anything; the signature isn't checked here.
func ParseTx(raw []byte) (*Tx, error) {
	signed, err := txs.Parse(raw)
	if err != nil {
		return nil, err
	}
	op := Op(signed.Kind)
	k, v, ok := split(signed.Payload)
	switch {
	case op > Delete:
		return nil, vmsdk.Invalidf("operation %d isn't known", op)
	case !ok || len(k) == 0 || len(k) > MaxKey || len(v) > MaxValue:
		return nil, vmsdk.Invalidf("a transaction has a key of 1 to %d bytes and a value of at most %d", MaxKey,
			MaxValue)
	case op == Delete && len(v) > 0:
		return nil, vmsdk.Invalidf("a deletion has no value")
	}
	return &Tx{Tx: signed, Op: op, Key: k, Value: v, entry: valuePrefix + string(k)}, nil
}

// split takes a payload apart, into key and value and nothing else.
func split(payload []byte) (k, v []byte, ok bool) {
	if len(payload) < 6 {
		return nil, nil, false
	}
	end := 2 + int(binary.BigEndian.Uint16(payload))
	if len(payload) < end+4 || uint64(binary.BigEndian.Uint32(payload[end:])) != uint64(len(payload)-end-4) {
		return nil, nil, false
	}
	return payload[2:end:end], payload[end+4:], true
}

// apply does what the transaction says.
func (t *Tx) apply(s *state.State) error {
	if err := t.Spend(s); err != nil {
		return err
	}
	if t.Op == Delete {
		s.Delete(t.entry)
	} else {
		s.Put(t.entry, t.Value)
	}
	return nil
}
