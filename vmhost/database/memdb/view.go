package memdb

import (
	"bytes"
	"context"

	"github.com/reevenet/reeve/vmhost/database"
)

// view reads one root; err is why there is none.
type view struct {
	root *node
	err  error
}

func (v view) Get(_ context.Context, key []byte) ([]byte, error) {
	if v.err != nil {
		return nil, v.err
	}
	value, ok := get(v.root, key)
	if !ok {
		return nil, database.ErrNotFound
	}
	return append([]byte{}, value...), nil
}

func (v view) Has(_ context.Context, key []byte) (bool, error) {
	_, ok := get(v.root, key)
	return ok, v.err
}

func (v view) GetBatch(_ context.Context, keys [][]byte) ([][]byte, error) {
	if v.err != nil {
		return nil, v.err
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		if value, ok := get(v.root, key); ok {
			values[i] = append([]byte{}, value...)
		}
	}
	return values, nil
}

func (v view) Iterate(_ context.Context, start, end []byte) database.Iterator {
	it := &iterator{end: end, err: v.err}
	if v.err == nil {
		it.path.seek(v.root, start)
	}
	return it
}

type snapshot struct{ view }

func (s *snapshot) Close() error {
	s.view = view{err: database.ErrClosed}
	return nil
}

type iterator struct {
	path path
	end  []byte
	at   *node
	err  error
}

func (it *iterator) Next() bool {
	it.at = it.path.next()
	if it.at != nil && it.end != nil && bytes.Compare(it.at.key, it.end) >= 0 {
		it.at, it.path = nil, nil
	}
	return it.at != nil
}

func (it *iterator) Key() []byte   { return it.at.key }
func (it *iterator) Value() []byte { return it.at.value }
func (it *iterator) Err() error    { return it.err }

func (it *iterator) Close() error {
	it.path = nil
	return nil
}
