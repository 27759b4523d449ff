package pebbledb

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/reevenet/reeve/vmhost/database"
)

// Get returns the value of key.
func (d *DB) Get(_ context.Context, key []byte) ([]byte, error) {
	if err := d.begin(); err != nil {
		return nil, err
	}
	defer d.mu.RUnlock()
	return getCopy(d.db, key)
}

// Has tells whether key exists.
func (d *DB) Has(ctx context.Context, key []byte) (bool, error) { return has(d.Get(ctx, key)) }

// GetBatch reads many keys of one state.
func (d *DB) GetBatch(_ context.Context, keys [][]byte) ([][]byte, error) {
	if err := d.begin(); err != nil {
		return nil, err
	}
	defer d.mu.RUnlock()
	if len(keys) < 2 {
		return getEach(d.db, keys)
	}
	s := d.db.NewSnapshot()
	defer s.Close()
	return getEach(s, keys)
}

// Iterate goes through a range.
func (d *DB) Iterate(_ context.Context, start, end []byte) database.Iterator {
	if err := d.begin(); err != nil {
		return &iterator{err: err}
	}
	defer d.mu.RUnlock()
	return d.iterate(d.db, start, end)
}

func (d *DB) iterate(source pebble.Reader, start, end []byte) database.Iterator {
	it, err := source.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return &iterator{err: fmt.Errorf("database: %w", err)}
	}
	return &iterator{it: it, reader: d.track(&reader{owner: d, close: it.Close})}
}

// reader is something of pebble's that must be closed before the database is: a snapshot or an iterator.
type reader struct {
	owner  *DB
	source *pebble.Snapshot
	mu     sync.Mutex
	closed bool
	close  func() error
}

// release closes it once.
func (r *reader) release() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	return r.close()
}

// Close ends a snapshot.
func (r *reader) Close() error {
	r.owner.openM.Lock()
	delete(r.owner.open, r)
	r.owner.openM.Unlock()
	return r.release()
}

// Get reads the snapshot.
func (r *reader) Get(_ context.Context, key []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, database.ErrClosed
	}
	return getCopy(r.source, key)
}

// Has tells whether the snapshot has key.
func (r *reader) Has(ctx context.Context, key []byte) (bool, error) { return has(r.Get(ctx, key)) }

// GetBatch reads many keys of the snapshot.
func (r *reader) GetBatch(_ context.Context, keys [][]byte) ([][]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, database.ErrClosed
	}
	return getEach(r.source, keys)
}

// Iterate goes through a range of the snapshot.
func (r *reader) Iterate(_ context.Context, start, end []byte) database.Iterator {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return &iterator{err: database.ErrClosed}
	}
	return r.owner.iterate(r.source, start, end)
}

func has(_ []byte, err error) (bool, error) {
	if errors.Is(err, database.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func getEach(source pebble.Reader, keys [][]byte) ([][]byte, error) {
	values := make([][]byte, len(keys))
	for i, key := range keys {
		value, err := getCopy(source, key)
		if err != nil && !errors.Is(err, database.ErrNotFound) {
			return nil, err
		}
		values[i] = value
	}
	return values, nil
}

// getCopy copies, because pebble's value lives only until its closer is closed.
func getCopy(source pebble.Reader, key []byte) ([]byte, error) {
	value, closer, err := source.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, database.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	value = append([]byte{}, value...)
	return value, closer.Close()
}
