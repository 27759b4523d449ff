package relayvm

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/state"
	"github.com/reevenet/reeve/vmhost/vmsdk/txs"
)

// begin makes the genesis block. A chain without a genesis has no validators and no paras.
func (vm *VM) begin(ctx context.Context, chain *vmsdk.Chain, batch *database.Batch) (*block, error) {
	g := Genesis{Time: time.UnixMilli(0), Configuration: DefaultConfiguration()}
	if err := chain.DecodeGenesis(&g); err != nil {
		return nil, err
	}
	if len(chain.Genesis) > 0 {
		if err := g.Check(); err != nil {
			return nil, fmt.Errorf("the relay chain's genesis: %w", err)
		}
	}
	s := state.New(chain.DB).Child()
	w := g.world()
	root, err := writeGenesis(ctx, s, &g, w)
	if err != nil {
		return nil, err
	}
	b := &block{Block: txs.NewBlock[*Tx](nil, g.Time, root, nil), vm: vm}
	b.seal()
	b.take(&outcome{state: s, world: w, root: root})
	s.Accept(batch)
	return b, vm.kept.accept(batch, b)
}

// world is the parachain host's state at the beginning.
func (g *Genesis) world() *world {
	w := emptyWorld()
	w.config = &settings{Active: g.Configuration}
	w.session = &session{Start: 1, Validators: g.Validators}
	for _, p := range g.Paras {
		hash := p.CodeHash
		if len(p.Code) > 0 {
			hash = primitives.HashOf(p.Code)
		}
		owner := p.Owner
		if owner.IsZero() {
			owner = g.Authority
		}
		w.setPara(Para{ID: p.ID, Kind: p.kind(), Owner: owner, Head: p.Head, Code: hash})
	}
	w.cores = scheduler.Begin(nil, w.scheduling(primitives.HashOf([]byte(seedDomain))))
	for _, key := range []string{keyConfig, keySession, keyCores} {
		w.touch(key)
	}
	return w
}

// writeGenesis writes all that there is at the beginning into the state.
func writeGenesis(ctx context.Context, s *state.State, g *Genesis, w *world) (root [32]byte, err error) {
	entries := map[string][]byte{keyAuthority: g.Authority[:]}
	for account, balance := range g.Accounts {
		entries[balanceKey(account)] = binary.BigEndian.AppendUint64(nil, balance)
	}
	for _, code := range g.codes() {
		hash := primitives.HashOf(code)
		entries[codeKey(hash)], entries[codeSizeKey(hash)] = code, codeSize(code)
	}
	for key := range w.changed {
		if value := w.encode(key); value != nil {
			entries[key] = value
		}
	}
	for key, value := range entries { // in any order: the root is that of a set
		if err := s.Load(ctx, key); err != nil {
			return root, err
		}
		s.Put(key, value)
	}
	return s.Root(), nil
}

// resume goes on at the last accepted block.
func (vm *VM) resume(ctx context.Context, chain *vmsdk.Chain, _ *database.Batch) (*block, error) {
	b, err := parseBlock(chain.LastAccepted.Content)
	if err != nil {
		return nil, vmsdk.Corruptf("the last accepted block can't be read: %v", err)
	}
	b.vm = vm
	s, err := state.Open(ctx, chain.DB, b.Root)
	if err != nil {
		return nil, err
	}
	w, err := readWorld(ctx, chain.DB)
	if err != nil {
		return nil, err
	}
	b.take(&outcome{state: s, world: w, root: b.Root})
	return b, vm.kept.resume(ctx, chain.DB, b.after)
}
