// Package kvvm is the tutorial VM and the devnet's default: a key-value store whose changes are signed transactions. It
// is meant to be read from top to bottom: vm.go is the VM, block.go the block, tx.go the transaction. What most chains
// need is in packages vmsdk/txs and vmsdk/state; package view is what users see, package client asks for it.
package kvvm

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/kvvm/view"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/state"
	"github.com/reevenet/reeve/vmhost/vmsdk/txs"
)

// VM is the key-value chain.
type VM struct {
	vmsdk.Base
	pool  *txs.Pool[*Tx]
	users view.View
}

// Version names the VM.
func (*VM) Version() (name, version string) { return "kvvm", "1.0.0" }

// Genesis is the chain's genesis, as JSON. All of it is optional.
type Genesis struct {
	Time  time.Time         `json:"time"`  // the genesis block's
	State map[string]string `json:"state"` // what the store holds at the beginning
}

// Initialize goes on at the last accepted block, or makes the genesis block.
func (vm *VM) Initialize(ctx context.Context, chain *vmsdk.Chain, batch *database.Batch) (vmsdk.Block, error) {
	vm.pool = txs.NewPool(chain, signingName, ParseTx)
	vm.users.Open(chain, vm.pool.Len, valuePrefix)
	start := vm.resume
	if chain.LastAccepted == nil {
		start = vm.genesis
	}
	b, err := start(ctx, chain, batch)
	if err != nil {
		return nil, err
	}
	vm.users.Show(b, b.Root, nil)
	return b, nil
}

func (vm *VM) resume(ctx context.Context, chain *vmsdk.Chain, _ *database.Batch) (*block, error) {
	b, err := txs.ParseBlock(chain.LastAccepted.Content, maxBlockTxs, ParseTx)
	if err != nil {
		return nil, vmsdk.Corruptf("the last accepted block can't be read: %v", err)
	}
	s, err := state.Open(ctx, chain.DB, b.Root)
	return &block{Block: b, vm: vm, state: s}, err
}

func (vm *VM) genesis(ctx context.Context, chain *vmsdk.Chain, batch *database.Batch) (*block, error) {
	g := Genesis{Time: time.UnixMilli(0)}
	if err := chain.DecodeGenesis(&g); err != nil {
		return nil, err
	}
	s := state.New(chain.DB).Child()
	for _, key := range slices.Sorted(maps.Keys(g.State)) {
		if err := s.Load(ctx, valuePrefix+key); err != nil {
			return nil, err
		}
		s.Put(valuePrefix+key, []byte(g.State[key]))
	}
	b := &block{Block: txs.NewBlock[*Tx](nil, g.Time, s.Root(), nil), vm: vm, state: s}
	s.Accept(batch)
	return b, nil
}

// ParseBlock reads a block.
func (vm *VM) ParseBlock(_ context.Context, content []byte) (vmsdk.Block, error) {
	b, err := txs.ParseBlock(content, maxBlockTxs, ParseTx)
	return &block{Block: b, vm: vm}, err
}

// BuildBlock takes what waits, as much as fits.
func (vm *VM) BuildBlock(ctx context.Context, parent vmsdk.Block, build vmsdk.BuildContext) (vmsdk.Block, error) {
	before := parent.(*block).state
	picked, err := vm.pool.Pick(ctx, before, maxBlockTxs, maxBlockBytes)
	if err != nil {
		return nil, err
	}
	after, err := execute(ctx, before, picked)
	if err != nil {
		return nil, err
	}
	return &block{Block: txs.NewBlock(parent, build.Time, after.Root(), picked), vm: vm, state: after}, nil
}

// HealthCheck says when users are refused because too much waits.
func (vm *VM) HealthCheck(context.Context) error { return vm.pool.Health() }

// Committed shows users a block that a power cut can't take away any more.
func (vm *VM) Committed(_ context.Context, b vmsdk.Block) {
	vm.users.Show(b, b.(*block).Root, b.(*block).TxIDs())
}

// Submit takes signed transactions from users of this node; POST /tx and a simulation's users end up here.
func (vm *VM) Submit(txs ...[]byte) (ids []vmsdk.ID, errs []error) { return vm.pool.Add(txs...) }

// AppGossip takes transactions that another node knows.
func (vm *VM) AppGossip(_ context.Context, _ vmsdk.NodeID, gossip []byte) error {
	return vm.pool.OnGossip(gossip)
}

// CreateHandlers serves users.
func (vm *VM) CreateHandlers(context.Context) (map[string]http.Handler, error) {
	mux := http.NewServeMux()
	vm.pool.Routes(mux)
	vm.users.Routes(mux)
	return map[string]http.Handler{"": mux}, nil
}

// Shutdown ends the streams of those who listen.
func (vm *VM) Shutdown(context.Context) error {
	vm.users.Close()
	return nil
}
