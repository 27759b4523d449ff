package pebbledb

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/reevenet/reeve/vmhost/database"
)

// Get returns the value of key.
func (d *DB) Get(_ context.Context, key []byte) ([]byte, error) {
	l, done, err := d.use()
	if err != nil {
		return nil, err
	}
	defer done()
	return d.get(l, l.db, key)
}

// Has tells whether key exists.
func (d *DB) Has(ctx context.Context, key []byte) (bool, error) { return has(d.Get(ctx, key)) }

// GetBatch reads many keys of one state.
func (d *DB) GetBatch(_ context.Context, keys [][]byte) ([][]byte, error) {
	l, done, err := d.use()
	if err != nil {
		return nil, err
	}
	defer done()
	return d.getEach(l, l.db, keys)
}

// Iterate goes through a range.
func (d *DB) Iterate(_ context.Context, start, end []byte) database.Iterator {
	l, done, err := d.use()
	if err != nil {
		return &iterator{err: err}
	}
	defer done()
	return d.iterate(l, l.db, start, end)
}

func (d *DB) iterate(l *life, source pebble.Reader, start, end []byte) database.Iterator {
	it, err := source.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return &iterator{err: d.told(l, err)}
	}
	return &iterator{it: it, reader: d.track(&reader{owner: d, life: l, close: it.Close})}
}

// reader is something of pebble's that must be closed before the database is: a snapshot or an iterator.
type reader struct {
	owner  *DB
	life   *life
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
	return r.life.do(r.close)
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
		return nil, r.owner.over()
	}
	return r.owner.get(r.life, r.source, key)
}

func (r *reader) Has(ctx context.Context, key []byte) (bool, error) { return has(r.Get(ctx, key)) }

// GetBatch reads many keys of the snapshot.
func (r *reader) GetBatch(_ context.Context, keys [][]byte) ([][]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, r.owner.over()
	}
	return r.owner.getEach(r.life, r.source, keys)
}

// Iterate goes through a range of the snapshot.
func (r *reader) Iterate(_ context.Context, start, end []byte) database.Iterator {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return &iterator{err: r.owner.over()}
	}
	return r.owner.iterate(r.life, r.source, start, end)
}

// over is why a snapshot or an iterator that was open isn't any more.
func (d *DB) over() error {
	if fault := d.state.fault(); fault != nil {
		return fault
	}
	return database.ErrClosed
}

func has(_ []byte, err error) (bool, error) {
	if errors.Is(err, database.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// getEach reads many keys of one state, in their order in the store, so that each search begins where the last one
// ended. An iterator uses the filters of the lowest level too, which a single Get leaves out: most keys that a batch
// asks for are new.
func (d *DB) getEach(l *life, source pebble.Reader, keys [][]byte) (values [][]byte, err error) {
	values = make([][]byte, len(keys))
	if len(keys) == 1 {
		if values[0], err = d.get(l, source, keys[0]); errors.Is(err, database.ErrNotFound) {
			err = nil
		}
		return values, err
	}
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return bytes.Compare(keys[i], keys[j]) })
	it, err := source.NewIter(&pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		return nil, d.told(l, err)
	}
	for _, i := range order {
		if !it.SeekPrefixGE(keys[i]) {
			if it.Error() != nil {
				break
			}
			continue
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, d.told(l, errors.Join(err, it.Close()))
		}
		values[i] = append([]byte{}, value...)
	}
	if err := it.Close(); err != nil { // tells what stopped a search, too
		return nil, d.told(l, err)
	}
	return values, nil
}

// get copies, because pebble's value lives only until its closer is closed.
func (d *DB) get(l *life, source pebble.Reader, key []byte) ([]byte, error) {
	value, closer, err := source.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, database.ErrNotFound
	}
	if err != nil {
		return nil, d.told(l, err)
	}
	value = append([]byte{}, value...)
	return value, closer.Close()
}
