package pebbledb

import "github.com/cockroachdb/pebble/v2"

// iterator stops with ErrClosed when the database is closed under it.
type iterator struct {
	it      *pebble.Iterator
	reader  *reader
	started bool
	err     error
	key     []byte
	value   []byte
}

func (i *iterator) Next() bool {
	if i.err != nil {
		return false
	}
	i.reader.mu.Lock()
	defer i.reader.mu.Unlock()
	if i.reader.closed {
		i.err = i.reader.owner.over()
		return false
	}
	ok := false
	if i.started {
		ok = i.it.Next()
	} else {
		i.started, ok = true, i.it.First()
	}
	if !ok {
		if err := i.it.Error(); err != nil {
			i.err = i.reader.owner.told(i.reader.life, err)
		}
		return false
	}
	value, err := i.it.ValueAndErr()
	if err != nil {
		i.err = i.reader.owner.told(i.reader.life, err)
		return false
	}
	// Copied, because Close of the database may free pebble's memory under the caller.
	i.key = append(i.key[:0], i.it.Key()...)
	i.value = append(i.value[:0], value...)
	return true
}

func (i *iterator) Key() []byte   { return i.key }
func (i *iterator) Value() []byte { return i.value }
func (i *iterator) Err() error    { return i.err }

func (i *iterator) Close() error {
	if i.reader == nil {
		return nil
	}
	return i.reader.Close()
}
