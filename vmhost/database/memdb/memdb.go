// Package memdb is a database in memory that crashes like a disk: after Crash only what was written with Sync is left,
// in the order it was written, whole batches or nothing. It is for tests and for the simulation, which is why nothing
// in it depends on time or luck: the same writes give the same iteration, run after run.
package memdb

import (
	"bytes"
	"context"
	"sync"

	"github.com/reevenet/reeve/vmhost/database"
)

// DB is the memory that outlives a crash. Open it to use it.
type DB struct {
	mu      sync.Mutex
	current *node
	durable *node
	epoch   int
	failure error
}

// New returns an empty one.
func New() *DB { return &DB{} }

// Open returns a handle. Handles of before a Crash are closed.
func (d *DB) Open() database.Database {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &handle{db: d, epoch: d.epoch}
}

// Crash loses all that wasn't synced and closes every handle.
func (d *DB) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.current = d.durable
	d.epoch++
}

// FailWrites makes every Write fail with err, as a full disk does; nil ends it.
func (d *DB) FailWrites(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failure = err
}

type handle struct {
	db     *DB
	epoch  int
	closed bool
}

// root is the newest state, when the handle may still see it.
func (h *handle) root() (*node, error) {
	h.db.mu.Lock()
	defer h.db.mu.Unlock()
	if h.closed || h.epoch != h.db.epoch {
		return nil, database.ErrClosed
	}
	return h.db.current, nil
}

func (h *handle) view() view {
	root, err := h.root()
	return view{root: root, err: err}
}

func (h *handle) Get(ctx context.Context, key []byte) ([]byte, error) { return h.view().Get(ctx, key) }

func (h *handle) Has(ctx context.Context, key []byte) (bool, error) { return h.view().Has(ctx, key) }

func (h *handle) GetBatch(ctx context.Context, keys [][]byte) ([][]byte, error) {
	return h.view().GetBatch(ctx, keys)
}

func (h *handle) Iterate(ctx context.Context, start, end []byte) database.Iterator {
	return h.view().Iterate(ctx, start, end)
}

func (h *handle) Snapshot(context.Context) (database.Snapshot, error) {
	root, err := h.root()
	if err != nil {
		return nil, err
	}
	return &snapshot{view{root: root}}, nil
}

func (h *handle) Write(_ context.Context, batch *database.Batch, durability database.Durability) error {
	if err := batch.Check(); err != nil {
		return err
	}
	d := h.db
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.closed || h.epoch != d.epoch {
		return database.ErrClosed
	}
	if d.failure != nil {
		return d.failure
	}
	for _, op := range batch.Ops() {
		if op.Delete {
			d.current = remove(d.current, op.Key)
		} else {
			d.current = put(d.current, bytes.Clone(op.Key), append([]byte{}, op.Value...))
		}
	}
	if durability == database.Sync {
		d.durable = d.current
	}
	return nil
}

func (h *handle) Close() error {
	h.db.mu.Lock()
	defer h.db.mu.Unlock()
	h.closed = true
	return nil
}
