package relayvm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/txs"
)

// rpcSubmit takes a signed transaction, in hexadecimal.
func (u *users) rpcSubmit(_ context.Context, params json.RawMessage) (any, error) {
	q, err := read[struct {
		Tx HexBytes `json:"tx"`
	}](params)
	if err != nil {
		return nil, err
	}
	ids, errs := u.vm.pool.Add(q.Tx)
	var busy *vmsdk.BusyError
	switch err := errs[0]; {
	case errors.As(err, &busy):
		return nil, &rpcError{codeBusy, err.Error()}
	case err != nil:
		return nil, &rpcError{codeRefused, err.Error()}
	}
	return map[string]vmsdk.ID{"tx": ids[0]}, nil
}

// TxView is where a transaction is, and whether it did what it says.
type TxView struct {
	txs.Status
	// Failure is why it did nothing; absent: it did, or isn't in a block yet.
	Failure string `json:"failure,omitempty"`
}

// rpcTransaction says what has become of a transaction.
func (u *users) rpcTransaction(ctx context.Context, params json.RawMessage) (any, error) {
	q, err := read[byHash](params)
	if err != nil {
		return nil, err
	}
	status, known, err := u.vm.pool.Status(ctx, q.Hash)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, unknown(fmt.Sprintf("this node knows no transaction %v", q.Hash))
	}
	why, err := u.vm.chain.Durable.Get(ctx, append([]byte(keyFate), q.Hash[:]...))
	if err != nil && !errors.Is(err, vmsdk.ErrNotFound) {
		return nil, err
	}
	return &TxView{Status: status, Failure: string(why)}, nil
}
