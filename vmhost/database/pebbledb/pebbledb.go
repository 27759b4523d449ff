// Package pebbledb keeps a database in a directory, with pebble: a log-structured store whose blocks and log records
// carry checksums. Damage is an error, never a wrong value.
//
// A disk that is full, fails or has become read-only ends nothing here. The store refuses every call with a
// *database.FaultError from the first fault on, says so to whoever watches it, and opens its files again, with growing
// pauses, until the disk does what it should. Pebble replays its log then: what a Sync has acknowledged is there; of
// what came after it a part may be, whole batches in their order, and whoever has written it has to look (Resume)
// before anything is served again. Before the disk is full, with little room left, the store refuses likewise, and goes
// on when there is room. Damage is for a person: it is noted in the directory, so that no later process takes the store
// for whole.
package pebbledb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

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

// Config says where a store is. A zero value in a field with a default takes it.
type Config struct {
	// Dir is the directory, made if need be.
	Dir string
	Log *slog.Logger
	// FS is the disk; default the machine's.
	FS vfs.FS
	// RetryAfter is the pause before the files are opened again after a fault; default 250 ms. It doubles up to
	// RetryAtMost, default 2 s; as often it is looked how much room there is.
	RetryAfter, RetryAtMost time.Duration
	// Slow is how long one operation of the disk may take before that is said; default 5 s.
	Slow time.Duration
	// Reserve is the room in bytes below which the store refuses; default HardReserve.
	Reserve uint64

	memTable uint64 // what is in memory before it is written to a table
}

func (c Config) withDefaults() Config {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = 250 * time.Millisecond
	}
	if c.RetryAtMost == 0 {
		c.RetryAtMost = 2 * time.Second
	}
	if c.Slow == 0 {
		c.Slow = 5 * time.Second
	}
	if c.Reserve == 0 {
		c.Reserve = HardReserve
	}
	if c.memTable == 0 {
		c.memTable = memTableSize
	}
	return c
}

// DB is an open directory. Only one process can have it open.
type DB struct {
	cfg   Config
	disk  vfs.FS // that measures how long its operations take
	slow  func() // ends the measuring
	cache *pebble.Cache
	lock  interface{ Close() error }
	state state

	// mu lets calls finish before the life that they use is given up; pebble panics when it is used afterwards.
	mu      sync.RWMutex
	life    *life // nil while there is a fault, and after Close
	lives   int   // that were begun
	lossy   bool  // something may have been lost, and who has written it hasn't looked yet
	open    map[*reader]struct{}
	openM   sync.Mutex
	closing chan struct{}
	tended  chan struct{}
}

var _ database.Watched = (*DB)(nil)

func Open(dir string, log *slog.Logger) (*DB, error) { return Config{Dir: dir, Log: log}.Open() }

// Open opens or makes the database. When the disk fails it returns a store that refuses, and goes on when the disk
// does; the error is that of a directory that is in use or damaged.
func (c Config) Open() (*DB, error) {
	c = c.withDefaults()
	if err := c.FS.MkdirAll(c.Dir, 0o700); err != nil && !isFault(err) {
		return nil, fmt.Errorf("the chain's database can't be made: %w", err)
	}
	d := &DB{cfg: c, open: make(map[*reader]struct{}), closing: make(chan struct{}), tended: make(chan struct{})}
	d.state.log = c.Log
	fs, health := vfs.WithDiskHealthChecks(c.FS, c.Slow, nil, d.onSlow)
	d.disk, d.slow = fs, func() { _ = health.Close() }
	d.cache = pebble.NewCache(cacheSize)
	err := d.start()
	if err != nil && !isFault(err) {
		d.free()
		return nil, err
	}
	if err != nil {
		d.fault(err)
	}
	go d.tend()
	return d, nil
}

// start takes the lock, if need be, and begins a life.
func (d *DB) start() error {
	if err := d.takeLock(); err != nil {
		return err
	}
	if why := noted(d.disk, d.cfg.Dir); why != "" {
		return damaged(d.cfg.Dir, errors.New(why))
	}
	if err := d.roomLeft(); err != nil {
		return err
	}
	l, err := d.begin()
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.life = l
	d.mu.Unlock()
	return nil
}

func (d *DB) takeLock() error {
	if d.lock != nil {
		return nil
	}
	if err := d.disk.MkdirAll(d.cfg.Dir, 0o700); err != nil {
		return err
	}
	lock, err := pebble.LockDirectory(d.cfg.Dir, d.disk)
	if errors.Is(err, syscall.EAGAIN) || err != nil && strings.Contains(err.Error(), "lock held by current process") {
		return errcode.New(errcode.DataDirInUse, "Stop the other one first.", nil,
			"the chain's database in %s is in use by another process", d.cfg.Dir)
	}
	if err == nil {
		d.lock = lock
	}
	return err
}

// free gives back what is the store's over all its lives.
func (d *DB) free() {
	if d.lock != nil {
		_ = d.lock.Close()
	}
	d.cache.Unref()
	d.slow()
}

// use keeps the life from being given up while a call runs; done ends that.
func (d *DB) use() (l *life, done func(), err error) {
	d.mu.RLock()
	if err := d.refusal(); err != nil {
		d.mu.RUnlock()
		return nil, nil, err
	}
	return d.life, d.mu.RUnlock, nil
}

// refusal is why no call is served now.
func (d *DB) refusal() error {
	select {
	case <-d.closing:
		return database.ErrClosed
	default:
	}
	if fault := d.state.fault(); fault != nil {
		return fault
	}
	switch {
	case d.life == nil:
		return &database.FaultError{Cause: errors.New("the database is being opened")}
	case d.lossy:
		return &database.FaultError{Cause: errors.New("what was written last may be lost, and nobody has looked yet")}
	}
	return nil
}

// Resume is database.Watched.
func (d *DB) Resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lossy = false
}

// Write applies the batch.
func (d *DB) Write(_ context.Context, batch *database.Batch, durability database.Durability) error {
	if err := batch.Check(); err != nil {
		return err
	}
	l, done, err := d.use()
	if err != nil {
		return err
	}
	defer done()
	b, err := l.batchOf(batch)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return d.told(l, l.commit(b, durability))
}

// Snapshot pins the state.
func (d *DB) Snapshot(context.Context) (database.Snapshot, error) {
	l, done, err := d.use()
	if err != nil {
		return nil, err
	}
	defer done()
	var s *pebble.Snapshot
	if err := l.do(func() error { s = l.db.NewSnapshot(); return nil }); err != nil {
		return nil, d.told(l, err)
	}
	return d.track(&reader{owner: d, life: l, source: s, close: s.Close}), nil
}

// Close ends open snapshots and iterators, then the database.
func (d *DB) Close() error {
	d.openM.Lock()
	select {
	case <-d.closing:
		d.openM.Unlock()
		return nil
	default:
		close(d.closing)
	}
	d.openM.Unlock()
	<-d.tended
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.free()
	errs := []error{d.releaseAll()}
	if l := d.life; l != nil {
		if !l.over() { // who wrote last was told of the fault; there may have been no time to retire it
			errs = append(errs, l.do(l.db.Close))
		}
		l.gate.close()
		d.life = nil
	}
	return errors.Join(errs...)
}

func (d *DB) track(r *reader) *reader {
	d.openM.Lock()
	defer d.openM.Unlock()
	d.open[r] = struct{}{}
	return r
}

// releaseAll ends what is open of pebble's.
func (d *DB) releaseAll() error {
	d.openM.Lock()
	all := d.open
	d.open = make(map[*reader]struct{})
	d.openM.Unlock()
	var errs []error
	for r := range all {
		errs = append(errs, r.release())
	}
	return errors.Join(errs...)
}
