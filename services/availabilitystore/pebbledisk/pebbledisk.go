// Package pebbledisk keeps the availability store's parts and records in an embedded LSM store, each batch as a whole.
package pebbledisk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/reevenet/reeve/internal/core/availability"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/services/availabilitystore"
)

// Kinds of keys. Within a kind they are ordered by candidate, so that all of one candidate's are a range.
const (
	kindRecord = 'r'
	kindData   = 'd'
	kindChunk  = 'c'
	kindAge    = 'a'
)

// Disk is the store's disk.
type Disk struct {
	db  *pebble.DB
	fs  vfs.FS
	dir string

	use    sync.RWMutex // held while something is read or written: the library doesn't survive that after Close
	closed bool
}

// errClosed: somebody has closed it.
var errClosed = errors.New("the availability store's disk is closed")

// enter is the begin of a read or write; the caller ends it with leave, unless there is an error.
func (d *Disk) enter() error {
	d.use.RLock()
	if d.closed {
		d.use.RUnlock()
		return errClosed
	}
	return nil
}

func (d *Disk) leave() { d.use.RUnlock() }

// Open opens or makes the store in a directory.
func Open(fs vfs.FS, dir string, log *slog.Logger) (*Disk, error) {
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	options := &pebble.Options{
		FS: fs, MemTableSize: 4 << 20, CacheSize: 8 << 20, Logger: logger{log},
		// What is kept here is written once, read rarely and dropped within hours, by whole candidates: to put it in
		// order again and again would cost more than to look in a few files.
		L0CompactionThreshold: 16, L0StopWritesThreshold: 64, LBaseMaxBytes: 1 << 30,
	}
	// Parity is random.
	options.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	db, err := pebble.Open(dir, options)
	if err != nil {
		return nil, fmt.Errorf("the availability store in %s: %w", dir, err)
	}
	return &Disk{db: db, fs: fs, dir: dir}, nil
}

// Load reads the records. Parts are written and dropped with their record, so none is without.
func (d *Disk) Load() (records []availability.Record, age time.Duration, err error) {
	if err := d.enter(); err != nil {
		return nil, 0, err
	}
	defer d.leave()
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: []byte{kindRecord}, UpperBound: []byte{kindRecord + 1}})
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		key := it.Key()
		if len(key) < 1+primitives.HashSize {
			return nil, 0, fmt.Errorf("the availability store has a key of %d bytes", len(key))
		}
		r, err := availability.DecodeRecord(primitives.Hash(key[1:1+primitives.HashSize]), it.Value())
		if err != nil {
			return nil, 0, err
		}
		records = append(records, r)
	}
	b, err := d.read([]byte{kindAge})
	if len(b) == 8 {
		age = time.Duration(binary.BigEndian.Uint64(b))
	}
	return records, age, err
}

// Write performs batches together, and waits until they are durable.
func (d *Disk) Write(works []availabilitystore.Work) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	batch := d.db.NewBatchWithSize(sizeOf(works))
	defer batch.Close()
	for _, w := range works {
		for _, a := range w.Actions {
			if err := perform(batch, w, a); err != nil {
				return err
			}
		}
		age := binary.BigEndian.AppendUint64(nil, uint64(w.Age))
		if err := batch.Set([]byte{kindAge}, age, nil); err != nil {
			return err
		}
	}
	return batch.Commit(pebble.Sync)
}

// overhead is about what a key and its place in a batch take, in bytes.
const overhead = 64

// sizeOf is about how many bytes works have, so that a batch doesn't grow while they are put into it.
func sizeOf(works []availabilitystore.Work) int {
	size := overhead
	for _, w := range works {
		size += len(w.Data) + overhead*len(w.Actions)
		for _, a := range w.Actions {
			if p, ok := a.(availability.Put); ok && len(p.Chunks) > 0 {
				size += len(p.Chunks) * (overhead + w.ChunkSize)
			}
		}
	}
	return size
}

func perform(b *pebble.Batch, w availabilitystore.Work, a availability.Action) error {
	switch a := a.(type) {
	case availability.Put:
		if a.Data {
			if err := b.Set(availabilitystore.Key(kindData, a.Candidate, 0), w.Data, nil); err != nil {
				return err
			}
		}
		for _, v := range a.Chunks {
			if err := b.Set(availabilitystore.Key(kindChunk, a.Candidate, v), w.Chunk(v), nil); err != nil {
				return err
			}
		}
	case availability.Write:
		return b.Set(availabilitystore.Key(kindRecord, a.Record.Candidate, 0), a.Record.Encode(), nil)
	case availability.Drop:
		for _, kind := range []byte{kindRecord, kindData} {
			if err := b.Delete(availabilitystore.Key(kind, a.Candidate, 0), nil); err != nil {
				return err
			}
		}
		first := availabilitystore.Key(kindChunk, a.Candidate, 0)
		last := append(availabilitystore.Key(kindChunk, a.Candidate, ^uint32(0)), 0)
		return b.DeleteRange(first, last, nil)
	}
	return nil
}

// Data reads a candidate's data; nil: it isn't there.
func (d *Disk) Data(candidate primitives.Hash) ([]byte, error) {
	return d.get(availabilitystore.Key(kindData, candidate, 0))
}

// Chunk reads a validator's chunk; nil: it isn't there.
func (d *Disk) Chunk(candidate primitives.Hash, validator uint32) ([]byte, error) {
	return d.get(availabilitystore.Key(kindChunk, candidate, validator))
}

func (d *Disk) get(key []byte) ([]byte, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.leave()
	return d.read(key)
}

func (d *Disk) read(key []byte) ([]byte, error) {
	v, closer, err := d.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b := append([]byte(nil), v...)
	return b, closer.Close()
}

// Room is how many bytes are free.
func (d *Disk) Room() (uint64, error) {
	u, err := d.fs.GetDiskUsage(d.dir)
	return u.AvailBytes, err
}

// Close gives the directory back when what is under way is done.
func (d *Disk) Close() error {
	d.use.Lock()
	defer d.use.Unlock()
	if d.closed {
		return errClosed
	}
	d.closed = true
	return d.db.Close()
}

// logger passes the library's words on.
type logger struct{ log *slog.Logger }

func (l logger) Infof(format string, args ...any)  { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l logger) Errorf(format string, args ...any) { l.log.Error(fmt.Sprintf(format, args...)) }

// Fatalf is called when the library can't go on: the process ends, and its supervisor starts it again.
func (l logger) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
