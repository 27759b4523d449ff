package kvvm

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/vmsdk"
	"github.com/reevenet/reeve/vmhost/vmsdk/lthash"
)

// Limits of a block: what fits a message of the node, and what can be verified while others wait.
const (
	maxBlockBytes = 1 << 20
	maxBlockTxs   = 8192
	blockVersion  = 1
	headerSize    = 1 + 32 + 8 + 8 + 32
)

// block is a header (version, parent, height, time in milliseconds, state root) and transactions, each with its length before it.
type block struct {
	vm        *VM
	id        vmsdk.ID
	parentID  vmsdk.ID
	height    uint64
	millis    int64
	stateRoot [32]byte
	txs       []*Tx
	raw       []byte

	// parent and changes are set while the block is built on or verified, and dropped when it is accepted: then the database
	// has it all. root stays, for the children.
	parent  *block
	changes *changes
	root    lthash.Hash
}

func (b *block) ID() vmsdk.ID         { return b.id }
func (b *block) Parent() vmsdk.ID     { return b.parentID }
func (b *block) Height() uint64       { return b.height }
func (b *block) Timestamp() time.Time { return time.UnixMilli(b.millis).UTC() }
func (b *block) Bytes() []byte        { return b.raw }

// seal writes the block's bytes and names it.
func (b *block) seal() *block {
	raw := make([]byte, 0, headerSize+256*len(b.txs))
	raw = append(raw, blockVersion)
	raw = append(raw, b.parentID[:]...)
	raw = binary.BigEndian.AppendUint64(raw, b.height)
	raw = binary.BigEndian.AppendUint64(raw, uint64(b.millis))
	raw = append(raw, b.stateRoot[:]...)
	for _, tx := range b.txs {
		raw = binary.AppendUvarint(raw, uint64(len(tx.raw)))
		raw = append(raw, tx.raw...)
	}
	b.raw, b.id = raw, vmsdk.IDOf(raw)
	return b
}

// parseBlock reads what seal wrote. A block has one encoding.
func (vm *VM) parseBlock(raw []byte) (*block, error) {
	if len(raw) < headerSize || raw[0] != blockVersion {
		return nil, vmsdk.Invalidf("not a block of version %d", blockVersion)
	}
	b := &block{vm: vm, id: vmsdk.IDOf(raw), raw: raw}
	copy(b.parentID[:], raw[1:])
	b.height = binary.BigEndian.Uint64(raw[33:])
	b.millis = int64(binary.BigEndian.Uint64(raw[41:]))
	copy(b.stateRoot[:], raw[49:])
	contents, err := vmsdk.SplitTxs(raw[headerSize:], maxBlockTxs)
	if err != nil {
		return nil, err
	}
	b.txs = make([]*Tx, len(contents))
	for i, content := range contents {
		if b.txs[i], err = ParseTx(content); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// lookUp finds what an entry is after this undecided block, if it or one below it has touched it.
func (b *block) lookUp(key string) (value []byte, ok bool) {
	for ; b != nil && b.changes != nil; b = b.parent {
		if e := b.changes.entries[key]; e != nil {
			return e.value, true
		}
	}
	return nil, false
}

// execute computes what the block changes on top of parent.
func (b *block) execute(ctx context.Context, parent *block) error {
	v, err := newView(ctx, b.vm.chain.DB, parent, b.txs)
	if err != nil {
		return err
	}
	for _, tx := range b.txs {
		if err := v.apply(tx); err != nil {
			return err
		}
	}
	b.parent, b.changes = parent, v.finish()
	b.root = b.changes.root
	return nil
}

// Verify checks header, signatures, nonces and state root. What this node has built itself, or checked as a waiting transaction,
// isn't checked again.
func (b *block) Verify(ctx context.Context, p vmsdk.Block, _ vmsdk.BuildContext) error {
	parent := p.(*block)
	if b.millis < parent.millis {
		return vmsdk.Invalidf("the block is older than its parent")
	}
	if len(b.raw) > maxBlockBytes+headerSize || len(b.txs) == 0 {
		return vmsdk.Invalidf("a block of %d bytes with %d transactions", len(b.raw), len(b.txs))
	}
	if b.changes != nil && b.parent == parent {
		return nil
	}
	var unchecked []*Tx
	for _, tx := range b.txs {
		if _, known := b.vm.pool.Get(tx.id); !known {
			unchecked = append(unchecked, tx)
		}
	}
	for _, err := range b.vm.signatures.check(unchecked) {
		if err != nil {
			return err
		}
	}
	b.vm.pool.Checked(unchecked...)
	if err := b.execute(ctx, parent); err != nil {
		return err
	}
	if root := b.root.Sum(); root != b.stateRoot {
		b.parent, b.changes = nil, nil
		return vmsdk.Invalidf("the block claims state root %x, it is %x", b.stateRoot[:4], root[:4])
	}
	return nil
}

// Accept writes the changes and where each transaction went, and tells who listens.
func (b *block) Accept(_ context.Context, batch *database.Batch) error {
	b.changes.write(batch)
	height := binary.BigEndian.AppendUint64(nil, b.height)
	next := make(map[string]uint64)
	for _, tx := range b.txs {
		batch.Put(append([]byte(txPrefix), tx.id[:]...), height)
		next[tx.sender] = tx.nonce + 1
	}
	b.parent, b.changes = nil, nil
	b.vm.head.Store(b)
	b.vm.pool.Accepted(next)
	b.vm.events.publish(b)
	return nil
}

// Reject gives the transactions another chance: they still wait.
func (b *block) Reject(context.Context) error {
	b.parent, b.changes = nil, nil
	b.vm.pool.Wanted()
	return nil
}
