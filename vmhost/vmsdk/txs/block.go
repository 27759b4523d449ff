package txs

import (
	"encoding/binary"
	"time"

	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// Block is a block of transactions, as far as it is the same on every chain: a header (version 1, parent's id, height,
// time in milliseconds, state root) and the transactions, each with its length before it. A VM's own block embeds it.
type Block[T Signed] struct {
	// Root is the hash of the state after the block.
	Root [32]byte
	Txs  []T

	id, parent vmsdk.ID
	height     uint64
	millis     int64
	raw        []byte
}

// HeaderSize is how many bytes of a block aren't transactions.
const HeaderSize = 1 + 32 + 8 + 8 + 32

const blockVersion = 1

// What a vmsdk.Block says of itself. A block has one encoding, and its id is the SHA-256 of that.
func (b *Block[T]) ID() vmsdk.ID         { return b.id }
func (b *Block[T]) Parent() vmsdk.ID     { return b.parent }
func (b *Block[T]) Height() uint64       { return b.height }
func (b *Block[T]) Timestamp() time.Time { return time.UnixMilli(b.millis).UTC() }
func (b *Block[T]) Bytes() []byte        { return b.raw }

// TxIDs are the transactions' ids.
func (b *Block[T]) TxIDs() []vmsdk.ID {
	ids := make([]vmsdk.ID, len(b.Txs))
	for i, tx := range b.Txs {
		ids[i] = tx.ID()
	}
	return ids
}

// Parent is what a new block must know of the one below.
type Parent interface {
	ID() vmsdk.ID
	Height() uint64
	Timestamp() time.Time
}

// NewBlock makes a block on parent; nil: the genesis block. It is never older than its parent.
func NewBlock[T Signed](parent Parent, at time.Time, root [32]byte, txs []T) Block[T] {
	b := Block[T]{Root: root, Txs: txs, millis: at.UnixMilli()}
	if parent != nil {
		b.parent, b.height = parent.ID(), parent.Height()+1
		b.millis = max(b.millis, parent.Timestamp().UnixMilli())
	}
	b.seal()
	return b
}

// seal writes the bytes and names the block.
func (b *Block[T]) seal() {
	b.raw = make([]byte, 0, HeaderSize+256*len(b.Txs))
	b.raw = append(b.raw, blockVersion)
	b.raw = append(b.raw, b.parent[:]...)
	b.raw = binary.BigEndian.AppendUint64(b.raw, b.height)
	b.raw = binary.BigEndian.AppendUint64(b.raw, uint64(b.millis))
	b.raw = append(b.raw, b.Root[:]...)
	for _, tx := range b.Txs {
		b.raw = vmsdk.AppendTx(b.raw, tx.Bytes())
	}
	b.id = vmsdk.IDOf(b.raw)
}

// ParseBlock reads a block of at most so many transactions, each of which parse reads. The bytes may be anything.
func ParseBlock[T Signed](raw []byte, most int, parse func(raw []byte) (T, error)) (b Block[T], err error) {
	if len(raw) < HeaderSize || raw[0] != blockVersion {
		return b, vmsdk.Invalidf("not a block of version %d", blockVersion)
	}
	contents, err := vmsdk.SplitTxs(raw[HeaderSize:], most)
	if err != nil {
		return b, err
	}
	b = Block[T]{
		Root: [32]byte(raw[49:HeaderSize]), Txs: make([]T, len(contents)), raw: raw,
		id: vmsdk.IDOf(raw), parent: vmsdk.ID(raw[1:33]), height: binary.BigEndian.Uint64(raw[33:]),
		millis: int64(binary.BigEndian.Uint64(raw[41:])),
	}
	for i, content := range contents {
		if b.Txs[i], err = parse(content); err != nil {
			return b, err
		}
	}
	return b, nil
}
