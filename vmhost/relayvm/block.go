package relayvm

import (
	"context"
	"fmt"
	"time"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/state"
	"github.com/reevenet/reeve/vmhost/vmsdk/txs"
)

// Limits of a block. A consensus block has 2 MiB at most: the inherent, at most half of that, and this.
const (
	maxBlockTxs   = 4096
	maxBlockBytes = 768 << 10
)

// block is one block. It names the consensus block below it, on which its candidates were made, and its inherent, which
// travels beside it: so one block of this VM has one of each, whoever wraps it. Its bytes are version 1, these two
// hashes, and a block of transactions (package txs).
type block struct {
	txs.Block[*Tx]
	vm              *VM
	consensusParent vmsdk.ID
	inherentHash    vmsdk.ID
	id              vmsdk.ID
	raw             []byte

	// After the block; nil until it is built or verified.
	state *state.State
	after *kept
	undo  []piece
	fates []fate
}

const (
	blockVersion   = 1
	prefixSize     = 1 + 32 + 32
	inherentDomain = "reeve relay inherent\x00"
)

// ID is the hash of all the block's bytes.
func (b *block) ID() vmsdk.ID { return b.id }

// Bytes is what ParseBlock reads.
func (b *block) Bytes() []byte { return b.raw }

// hashInherent is how a block names an inherent; what is empty has the zero hash.
func hashInherent(inherent []byte) vmsdk.ID {
	if len(inherent) == 0 {
		return vmsdk.ID{}
	}
	return vmsdk.IDOf(append([]byte(inherentDomain), inherent...))
}

// seal writes the bytes and names the block.
func (b *block) seal() {
	inner := b.Block.Bytes()
	b.raw = make([]byte, 0, prefixSize+len(inner))
	b.raw = append(b.raw, blockVersion)
	b.raw = append(b.raw, b.consensusParent[:]...)
	b.raw = append(b.raw, b.inherentHash[:]...)
	b.raw = append(b.raw, inner...)
	b.id = vmsdk.IDOf(b.raw)
}

// parseBlock reads a block. The bytes may be anything.
func parseBlock(raw []byte) (*block, error) {
	if len(raw) < prefixSize || raw[0] != blockVersion {
		return nil, vmsdk.Invalidf("not a block of version %d", blockVersion)
	}
	if len(raw) > prefixSize+txs.HeaderSize+maxBlockBytes {
		return nil, vmsdk.Invalidf("a block of %d bytes", len(raw))
	}
	inner, err := txs.ParseBlock(raw[prefixSize:], maxBlockTxs, ParseTx)
	if err != nil {
		return nil, err
	}
	return &block{
		Block: inner, raw: raw, id: vmsdk.IDOf(raw),
		consensusParent: vmsdk.ID(raw[1:33]), inherentHash: vmsdk.ID(raw[33:prefixSize]),
	}, nil
}

// build makes a block and keeps what follows from it, for when it comes back to be verified.
func (vm *VM) build(ctx context.Context, parent *block, c vmsdk.BuildContext, picked []*Tx) (*block, error) {
	at := later(c.Time, parent.Timestamp())
	out, err := vm.execute(ctx, parent, blockAbove(parent, c.Parent, at), c.Inherent, picked)
	if err != nil {
		return nil, fmt.Errorf("a block can't be built of what is there: %w", err)
	}
	b := &block{
		Block: txs.NewBlock(parent, at, out.root, picked), vm: vm,
		consensusParent: c.Parent, inherentHash: hashInherent(c.Inherent),
	}
	b.seal()
	b.take(out)
	return b, nil
}

// take keeps what follows from the block.
func (b *block) take(out *outcome) {
	b.state, b.undo, b.fates = out.state, out.undo, out.fates
	b.after = &kept{
		header: header{
			ID: b.id, Parent: b.Parent(), ConsensusParent: b.consensusParent, Height: b.Height(), Root: b.Root,
			Millis: b.Timestamp().UnixMilli(),
		},
		world: out.world, state: out.state,
	}
}

// Accept writes what the block changes, and what it takes to go back to the states below.
func (b *block) Accept(_ context.Context, batch *database.Batch) error {
	b.vm.mu.Lock()
	defer b.vm.mu.Unlock()
	b.state.Accept(batch)
	if err := b.vm.kept.accept(batch, b); err != nil {
		return err
	}
	b.index(batch)
	b.vm.pool.Accept(batch, b.Height(), b.Txs)
	b.vm.pace.at(b.due())
	return nil
}

// Reject gives the transactions another chance: they still wait.
func (b *block) Reject(context.Context) error {
	b.vm.mu.Lock()
	defer b.vm.mu.Unlock()
	b.vm.kept.drop(b.id)
	b.state, b.after = nil, nil
	b.vm.pool.Wanted()
	return nil
}

// interval is the time between this block and the next one, if there is nothing to put into it.
func (b *block) interval() time.Duration {
	return time.Duration(b.after.world.config.Active.BlockIntervalMillis) * time.Millisecond
}

// due is when the next block should come at the latest.
func (b *block) due() time.Time { return b.Timestamp().Add(b.interval()) }
