package kvvm

import (
	"context"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/state"
	"github.com/reevenet/reeve/vmhost/vmsdk/txs"
)

// Limits of a block's transactions: what fits a message of the node, and what can be verified while others wait.
const (
	maxBlockBytes = 1 << 20
	maxBlockTxs   = 8192
)

// block is one block. The SDK keeps one value of it while it is undecided.
type block struct {
	txs.Block[*Tx]
	vm    *VM
	state *state.State // after the block; nil until it is built or verified
}

// execute computes the state after transactions, with one read of the database.
func execute(ctx context.Context, before *state.State, list []*Tx) (*state.State, error) {
	keys := make([]string, 0, 2*len(list))
	for _, tx := range list {
		keys = append(keys, tx.Account, tx.entry)
	}
	after := before.Child()
	if err := after.Load(ctx, keys...); err != nil {
		return nil, err
	}
	for _, tx := range list {
		if err := tx.apply(after); err != nil {
			return nil, err
		}
	}
	return after, nil
}

// Verify checks time, size, signatures, nonces and state root, but not again what this node has checked before.
func (b *block) Verify(ctx context.Context, p vmsdk.Block, _ vmsdk.BuildContext) error {
	if b.Timestamp().Before(p.Timestamp()) {
		return vmsdk.Invalidf("the block is older than its parent")
	}
	if len(b.Bytes()) > maxBlockBytes+txs.HeaderSize || len(b.Txs) == 0 {
		return vmsdk.Invalidf("a block of %d bytes with %d transactions", len(b.Bytes()), len(b.Txs))
	}
	if b.state != nil {
		return nil
	}
	if err := b.vm.pool.Verify(b.Txs); err != nil {
		return err
	}
	after, err := execute(ctx, p.(*block).state, b.Txs)
	if err != nil {
		return err
	}
	if root := after.Root(); root != b.Root {
		return vmsdk.Invalidf("the block claims state root %x, it is %x", b.Root[:4], root[:4])
	}
	b.state = after
	return nil
}

// Accept writes what the block changes. Users are told when that is durable.
func (b *block) Accept(_ context.Context, batch *database.Batch) error {
	b.state.Accept(batch)
	b.vm.pool.Accept(batch, b.Height(), b.Txs)
	return nil
}

// Reject gives the transactions another chance: they still wait.
func (b *block) Reject(context.Context) error {
	b.state = nil
	b.vm.pool.Wanted()
	return nil
}
