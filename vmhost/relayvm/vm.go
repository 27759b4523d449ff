// Package relayvm is the relay chain's VM: the state machine that gives parachains cores and validators, takes up their
// candidates, and keeps their heads. It is a plugin with the capability parachain_runtime: the rest of a node asks it
// about the state after a block (QueryRuntime), and what of an inherent a block could have (CheckInherent).
//
// What it receives: blocks with their inherents, made by the provisioner of whoever proposes; transactions of users;
// questions of runtime-api. What it sends: events (blocks are wanted) and transactions to other nodes. It believes no
// signature that it hasn't checked, and whatever a block says has to hold by the chain's own state.
//
// The files: vm.go is the VM and block.go the block; execute.go is the order of a block; world.go is the parachain
// host's state and history.go how long it is kept; inclusion.go takes up candidates, offences.go misbehaviour; tx.go
// and calls.go are what users can do; query.go answers questions. docs/relayvm.md is for users.
package relayvm

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/txs"
)

// VM is the relay chain.
type VM struct {
	vmsdk.Base
	chain *vmsdk.Chain
	pool  *txs.Pool[*Tx]
	pace  pace
	users users

	// mu is held while states of undecided blocks are read or made: questions come beside block calls.
	mu   sync.Mutex
	kept history
}

// Version names the VM.
func (*VM) Version() (name, version string) { return "relayvm", "1.0.0" }

// Initialize goes on at the last accepted block, or makes the genesis block.
func (vm *VM) Initialize(ctx context.Context, chain *vmsdk.Chain, batch *database.Batch) (vmsdk.Block, error) {
	vm.chain = chain
	vm.pool = txs.NewPool(chain, signingName, ParseTx)
	vm.kept.open()
	start := vm.resume
	if chain.LastAccepted == nil {
		start = vm.begin
	}
	b, err := start(ctx, chain, batch)
	if err != nil {
		return nil, err
	}
	vm.users.open(vm)
	vm.users.show(b.after)
	vm.pace.open(chain)
	vm.pace.at(b.due())
	return b, nil
}

// ParseBlock reads a block.
func (vm *VM) ParseBlock(_ context.Context, content []byte) (vmsdk.Block, error) {
	b, err := parseBlock(content)
	if err != nil {
		return nil, err
	}
	b.vm = vm
	return b, nil
}

// BuildBlock makes a block if there is something for it, or when the last one is as old as the interval says.
func (vm *VM) BuildBlock(ctx context.Context, p vmsdk.Block, build vmsdk.BuildContext) (vmsdk.Block, error) {
	vm.mu.Lock()
	defer vm.mu.Unlock()
	parent := p.(*block)
	picked, err := vm.pool.Pick(ctx, parent.state, maxBlockTxs, maxBlockBytes)
	if err != nil && !errors.Is(err, vmsdk.ErrNothingToBuild) {
		return nil, err
	}
	if len(picked)+len(build.Inherent) == 0 && build.Time.Before(parent.due()) {
		vm.pace.at(parent.due())
		return nil, vmsdk.ErrNothingToBuild
	}
	vm.pace.at(later(vm.chain.Now(), build.Time).Add(parent.interval())) // in case that nothing comes of this one
	return vm.build(ctx, parent, build, picked)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// SetState has blocks wanted from when the node takes part.
func (vm *VM) SetState(_ context.Context, s vmsdk.State) error {
	if s == vmsdk.NormalOperation {
		vm.pace.at(vm.chain.Now())
	}
	return nil
}

// HealthCheck says when users are refused because too much waits.
func (vm *VM) HealthCheck(context.Context) error { return vm.pool.Health() }

// Committed shows users a block that a power cut can't take away any more.
func (vm *VM) Committed(_ context.Context, b vmsdk.Block) { vm.users.show(b.(*block).after) }

// Submit takes signed transactions from users of this node.
func (vm *VM) Submit(txs ...[]byte) (ids []vmsdk.ID, errs []error) { return vm.pool.Add(txs...) }

// AppGossip takes transactions that another node knows.
func (vm *VM) AppGossip(_ context.Context, _ vmsdk.NodeID, gossip []byte) error {
	return vm.pool.OnGossip(gossip)
}

// CreateHandlers serves users.
func (vm *VM) CreateHandlers(context.Context) (map[string]http.Handler, error) {
	mux := http.NewServeMux()
	vm.pool.Routes(mux)
	vm.users.routes(mux)
	return map[string]http.Handler{"": mux}, nil
}

// Shutdown ends the streams of those who listen, and wants no more blocks.
func (vm *VM) Shutdown(context.Context) error {
	vm.pace.stop()
	vm.users.close()
	return nil
}
