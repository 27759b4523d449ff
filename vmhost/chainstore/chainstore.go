// Package chainstore is the chain's memory of what it has accepted: one entry per height, with the consensus block and
// the certificate that proves that the network has decided it. It shares one database with the VM's state, and an entry
// is written in one batch with what its block changed: after a crash at any point both are at the same block. Several
// entries may be committed before the disk is waited for; nobody is shown any of them until then. Beside the entries it
// holds the undecided blocks that this node is bound to by its votes.
//
// The bytes of a VM block are kept once, inside the consensus block that wraps them.
package chainstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/database"
)

// Keys: the VM's state under its own letter, the record under others.
var (
	stateKey  = []byte("s") // + the VM's own key
	heightKey = []byte("h") // + height → entry
	blockKey  = []byte("b") // + consensus block id → height
	vmKey     = []byte("v") // + VM block id → height
	lastKey   = []byte("l") // → height
	keptKey   = []byte("k") // + id of an undecided consensus block → height, the block
	chainKey  = []byte("c") // → format, chain id
)

const format = 1

// ErrNotFound says that nothing was accepted under that name.
var ErrNotFound = database.ErrNotFound

// Entry is one accepted block.
type Entry struct {
	BlockID primitives.Hash
	VMBlock primitives.Hash
	Height  uint64
	// Consensus is the consensus block. For the genesis block, which has none, it is empty.
	Consensus []byte
	// Content is the VM block's bytes.
	Content []byte
	// Certificate proves the decision, in words that aren't read here. Empty for the genesis block, for that of a
	// synced state, and for what was accepted by a version that had none.
	Certificate []byte
}

// Record is an open one. Reading is safe for concurrent use; Commit calls must follow one another, and so must those
// of Keep.
type Record struct {
	db   database.Database
	last atomic.Pointer[Entry] // the newest durable one
	head *Entry                // the newest one; who commits has it
	kept kept
}

// MismatchError says that the database belongs to another chain, or to another version of the software.
type MismatchError struct {
	Reason string
	// Version is set when it is the version that doesn't match.
	Version bool
}

func (e *MismatchError) Error() string { return e.Reason }

// Open reads where the chain stands, and makes sure that the database is this chain's and the record whole.
func Open(ctx context.Context, db database.Database, chain primitives.Hash) (*Record, error) {
	r := &Record{db: db}
	if err := r.claim(ctx, chain); err != nil {
		return nil, err
	}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Record) show(e *Entry) {
	r.head = e
	r.last.Store(e)
}

func (r *Record) claim(ctx context.Context, chain primitives.Hash) error {
	mine := append([]byte{format}, chain[:]...)
	got, err := r.db.Get(ctx, chainKey)
	switch {
	case errors.Is(err, database.ErrNotFound):
		if err := r.none(ctx, nil, nil, "it isn't empty, and the mark that says whose it is is missing"); err != nil {
			return err
		}
		var b database.Batch
		b.Put(chainKey, mine)
		return r.db.Write(ctx, &b, database.Sync)
	case err != nil:
		return err
	case len(got) != len(mine) || got[0] != format:
		return &MismatchError{Reason: fmt.Sprintf("the chain's database has another format than %d, which this version reads", format), Version: true}
	case string(got) != string(mine):
		return &MismatchError{Reason: fmt.Sprintf("the database belongs to chain %x, not to %v: the genesis differs",
			got[1:5], chain.Short())}
	}
	return nil
}

// State is the VM's part of the database.
func (r *Record) State() database.Database { return database.WithPrefix(r.db, stateKey) }

// Last is the newest durable entry; nil before the genesis block was committed.
func (r *Record) Last() *Entry { return r.last.Load() }

// Head is the newest entry, durable or not yet. Only who commits may ask.
func (r *Record) Head() *Entry { return r.head }

// Commit writes the entry and the VM's changes together. It must follow the head, or be the genesis block. With NoSync
// it waits for the next synced one, or for Sync.
func (r *Record) Commit(ctx context.Context, e *Entry, changes *database.Batch, durability database.Durability) error {
	if r.head != nil && e.Height != r.head.Height+1 || r.head == nil && e.Height != 0 {
		return fmt.Errorf("block %v of height %d doesn't follow the last accepted one", e.VMBlock.Short(), e.Height)
	}
	return r.put(ctx, e, changes, durability)
}

// Sync makes durable, and shows, what was committed without.
func (r *Record) Sync(ctx context.Context) error {
	if r.head == r.Last() {
		return nil
	}
	var b database.Batch // a later write can't be durable before an earlier one
	b.Put(lastKey, binary.BigEndian.AppendUint64(nil, r.head.Height))
	if err := r.db.Write(ctx, &b, database.Sync); err != nil {
		return err
	}
	r.last.Store(r.head)
	return nil
}

// Jump begins the record anew above the last entry, at the block of a synced state: nothing between is known.
func (r *Record) Jump(ctx context.Context, e *Entry) error {
	if last := r.Last(); last != nil && e.Height <= last.Height {
		return fmt.Errorf("a synced state of height %d isn't above the last accepted block", e.Height)
	}
	return r.put(ctx, e, &database.Batch{}, database.Sync)
}

func (r *Record) put(ctx context.Context, e *Entry, changes *database.Batch, durability database.Durability) error {
	var b database.Batch
	b.Append(changes, stateKey)
	height := binary.BigEndian.AppendUint64(nil, e.Height)
	b.Put(join(heightKey, height), encode(e))
	b.Put(join(blockKey, e.BlockID[:]), height)
	b.Put(join(vmKey, e.VMBlock[:]), height)
	b.Put(lastKey, height)
	r.kept.forget(&b, func(_ primitives.Hash, height uint64) bool { return height <= e.Height })
	if err := r.db.Write(ctx, &b, durability); err != nil {
		return err
	}
	r.head = e
	if durability == database.Sync {
		r.last.Store(e)
	}
	return nil
}

func join(prefix, rest []byte) []byte { return append(prefix[:len(prefix):len(prefix)], rest...) }
