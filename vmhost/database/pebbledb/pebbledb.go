// Package pebbledb keeps a database in a directory, with pebble: a log-structured store whose blocks and log records
// carry checksums. Damage is an error, never a wrong value.
package pebbledb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/reevenet/reeve/internal/process/descriptors"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/vmhost/database"
)

// Sizes of one chain's store, in bytes: small, because a node has several stores and a laptop several nodes. What
// memtables there are is taken from the cache: with two of them, one being filled and one being written, 16 MiB are
// left for blocks, and with four there are none.
const (
	memTableSize = 8 << 20
	memTables    = 4
	cacheSize    = 16<<20 + 2*memTableSize
)

// filterBits per key tell of 99 in 100 absent keys that they are absent, without a read. A VM asks for many: each new
// key, and each new transaction's id.
const filterBits = 10

// indexBlockSize in bytes lets a table's index be one block: it is read for each search.
const indexBlockSize = 256 << 10

// maxOpenFiles is how many tables may be open, where there are descriptors for so many.
const maxOpenFiles = 1000

// DB is an open directory. Only one process can have it open.
type DB struct {
	// mu lets calls finish before Close; pebble panics when it is used afterwards.
	mu    sync.RWMutex
	db    *pebble.DB
	open  map[*reader]struct{}
	openM sync.Mutex
}

// Open opens or makes the database in dir.
func Open(dir string, log *slog.Logger) (*DB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the chain's database can't be made: %w", err)
	}
	cache := pebble.NewCache(cacheSize)
	defer cache.Unref()
	options := &pebble.Options{
		Cache:                       cache,
		MemTableSize:                memTableSize,
		MemTableStopWritesThreshold: memTables,
		MaxOpenFiles:                min(maxOpenFiles, descriptors.Count().Database),
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      logger{log},
	}
	// the levels below do the same
	options.Levels[0].FilterPolicy, options.Levels[0].IndexBlockSize = bloom.FilterPolicy(filterBits), indexBlockSize
	db, err := pebble.Open(dir, options)
	if errors.Is(err, syscall.EAGAIN) || err != nil && strings.Contains(err.Error(), "lock held by current process") {
		return nil, errcode.New(errcode.DataDirInUse, "Stop the other one first.", nil,
			"the chain's database in %s is in use by another process", dir)
	}
	if err != nil {
		return nil, errcode.New(errcode.DataDirBroken,
			"Restore it, or remove it and let the node catch up from the others.", err,
			"the chain's database in %s can't be opened", dir)
	}
	return &DB{db: db, open: make(map[*reader]struct{})}, nil
}

// begin keeps Close away while a call runs.
func (d *DB) begin() error {
	d.mu.RLock()
	if d.db == nil {
		d.mu.RUnlock()
		return database.ErrClosed
	}
	return nil
}

// Write applies the batch.
func (d *DB) Write(_ context.Context, batch *database.Batch, durability database.Durability) error {
	if err := batch.Check(); err != nil {
		return err
	}
	if err := d.begin(); err != nil {
		return err
	}
	defer d.mu.RUnlock()
	b := d.db.NewBatchWithSize(batch.Size() + 16*batch.Len() + 64)
	defer b.Close()
	for _, op := range batch.Ops() {
		var err error
		if op.Delete {
			err = b.Delete(op.Key, nil)
		} else {
			err = b.Set(op.Key, op.Value, nil)
		}
		if err != nil {
			return fmt.Errorf("database: %w", err)
		}
	}
	options := pebble.NoSync
	if durability == database.Sync {
		options = pebble.Sync
	}
	if err := b.Commit(options); err != nil {
		return fmt.Errorf("database: batch of %d changes not written: %w", batch.Len(), err)
	}
	return nil
}

// Snapshot pins the state.
func (d *DB) Snapshot(context.Context) (database.Snapshot, error) {
	if err := d.begin(); err != nil {
		return nil, err
	}
	defer d.mu.RUnlock()
	s := d.db.NewSnapshot()
	return d.track(&reader{owner: d, source: s, close: s.Close}), nil
}

// Close ends open snapshots and iterators, then the database.
func (d *DB) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.db == nil {
		return nil
	}
	var errs []error
	for _, r := range d.takeOpen() {
		errs = append(errs, r.release())
	}
	errs = append(errs, d.db.Close())
	d.db = nil
	return errors.Join(errs...)
}

func (d *DB) track(r *reader) *reader {
	d.openM.Lock()
	defer d.openM.Unlock()
	d.open[r] = struct{}{}
	return r
}

func (d *DB) takeOpen() []*reader {
	d.openM.Lock()
	defer d.openM.Unlock()
	var all []*reader
	for r := range d.open {
		all = append(all, r)
	}
	clear(d.open)
	return all
}

// logger passes pebble's own lines on; they are for whoever debugs the store.
type logger struct{ log *slog.Logger }

func (l logger) Infof(format string, args ...any)  { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l logger) Errorf(format string, args ...any) { l.log.Error(fmt.Sprintf(format, args...)) }

// Fatalf is called when going on would lose data: a failed write or sync of the log. The process must end.
func (l logger) Fatalf(format string, args ...any) {
	l.log.Error(fmt.Sprintf(format, args...))
	panic(fmt.Sprintf("database: "+format, args...))
}
