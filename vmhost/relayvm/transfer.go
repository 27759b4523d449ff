package relayvm

import (
	"encoding/binary"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Transfer gives something to another account.
type Transfer struct {
	To     primitives.Hash
	Amount uint64
}

func (Transfer) kind() byte { return 0 }

func (c Transfer) encode() []byte { return binary.BigEndian.AppendUint64(c.To[:], c.Amount) }

func readTransfer(b []byte) (Call, error) {
	p := payload{left: b}
	c := Transfer{To: p.hash(), Amount: p.u64()}
	return c, p.end()
}

func (c Transfer) apply(r *run, by primitives.Hash) (string, error) {
	before, err := r.balance(by)
	if err != nil {
		return "", err
	}
	if why, err := r.pay(by, c.Amount); why != "" || err != nil {
		return why, err
	}
	why, err := r.credit(c.To, c.Amount)
	if why != "" {
		r.setBalance(by, before)
	}
	return why, err
}
