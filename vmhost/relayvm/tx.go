package relayvm

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/txs"
)

// signingName is what every signature of a transaction covers first.
const signingName = "reeve.relay.tx.v1"

// Tx is a signed transaction. What it does is a Call.
type Tx struct {
	txs.Tx
	call Call
}

// Call is what a transaction does. The types of calls.go are all there are.
type Call interface {
	// kind is its number, and encode its payload.
	kind() byte
	encode() []byte
	// apply does it, for an account. why says in a sentence that it can't be done, and then nothing is changed; an
	// error says that the state can't be read.
	apply(r *run, by primitives.Hash) (why string, err error)
}

// calls read payloads, by kind.
var calls = map[byte]func(payload []byte) (Call, error){
	0: readTransfer, 1: readUpload, 2: readRegister, 3: readUpgrade, 4: readClaim, 5: readConfigure, 6: readValidators,
}

// NewTx makes a transaction for the chain, signed with key.
func NewTx(chain vmsdk.ID, key ed25519.PrivateKey, nonce uint64, call Call) *Tx {
	return &Tx{Tx: txs.New(signingName, chain, key, nonce, call.kind(), call.encode()), call: call}
}

// ParseTx reads a transaction. The bytes may be anything; the signature isn't checked here.
func ParseTx(raw []byte) (*Tx, error) {
	signed, err := txs.Parse(raw)
	if err != nil {
		return nil, err
	}
	if len(raw) > vmsdk.MaxTxSize {
		return nil, vmsdk.Invalidf("a transaction of %d bytes", len(raw))
	}
	read, known := calls[signed.Kind]
	if !known {
		return nil, vmsdk.Invalidf("transactions of kind %d aren't known", signed.Kind)
	}
	call, err := read(signed.Payload)
	if err != nil {
		return nil, vmsdk.Invalidf("a transaction of kind %d: %v", signed.Kind, err)
	}
	return &Tx{Tx: signed, call: call}, nil
}

// Call is what the transaction does.
func (t *Tx) Call() Call { return t.call }

// sender is the account that has signed it.
func (t *Tx) sender() primitives.Hash { return primitives.Hash([]byte(t.Sender())) }
