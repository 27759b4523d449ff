package pebbledb

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/reevenet/reeve/internal/process/descriptors"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/vmhost/database"
)

// life is the store from one opening of its files to the first fault. After that nothing of it is used: some of its
// goroutines wait for ever, so it isn't even closed.
type life struct {
	db   *pebble.DB
	gate *gate

	// Of the writes without a sync: how many were begun, how many are done, and how many a sync has made durable.
	begun, applied, durable atomic.Int64

	once  sync.Once
	ended chan struct{}
	cause error // once ended is closed
}

// end gives the life up.
func (l *life) end(cause error) {
	l.once.Do(func() {
		l.cause = cause
		close(l.ended)
	})
}

func (l *life) over() bool {
	select {
	case <-l.ended:
		return true
	default:
		return false
	}
}

// do calls pebble, and returns when the call does or the life ends.
func (l *life) do(call func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil { // what else it can't go on with
				l.end(&hopelessError{fmt.Sprint(p)})
			}
		}()
		done <- call()
	}()
	select {
	case err := <-done:
		return err
	case <-l.ended:
		return &database.FaultError{Cause: l.cause}
	}
}

// begin opens the files.
func (d *DB) begin() (*life, error) {
	if d.lives++; d.lives > mostLives {
		return nil, &hopelessError{fmt.Sprintf("the disk has failed %d times in this process", mostLives)}
	}
	l := &life{ended: make(chan struct{})}
	l.gate = newGate(d.disk, l.end)
	err := l.do(func() (err error) {
		l.db, err = pebble.Open(d.cfg.Dir, d.options(l))
		return err
	})
	if err == nil {
		return l, nil
	}
	l.end(err)
	l.gate.close()
	switch {
	case isFault(err):
		return nil, err
	case isDamage(err):
		note(d.disk, d.cfg.Dir, err)
		return nil, damaged(d.cfg.Dir, err)
	}
	return nil, errcode.New(errcode.DataDirBroken,
		"Restore it, or remove it and let the node catch up from the others.", err,
		"the chain's database in %s can't be opened", d.cfg.Dir)
}

func (d *DB) options(l *life) *pebble.Options {
	options := &pebble.Options{
		FS:                          l.gate,
		Cache:                       d.cache,
		MemTableSize:                d.cfg.memTable,
		MemTableStopWritesThreshold: memTables,
		MaxOpenFiles:                min(maxOpenFiles, descriptors.Count().Database),
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      logger{d.cfg.Log, l},
		EventListener: &pebble.EventListener{
			DataCorruption:  func(i pebble.DataCorruptionInfo) { l.end(&damage{file: i.Path, err: i.Details}) },
			BackgroundError: l.end,
		},
	}
	// the levels below do the same
	options.Levels[0].FilterPolicy, options.Levels[0].IndexBlockSize = bloom.FilterPolicy(filterBits), indexBlockSize
	return options
}

// batchOf puts a batch into pebble's form.
func (l *life) batchOf(batch *database.Batch) (*pebble.Batch, error) {
	b := l.db.NewBatchWithSize(batch.Size() + 16*batch.Len() + 64)
	for _, op := range batch.Ops() {
		var err error
		if op.Delete {
			err = b.Delete(op.Key, nil)
		} else {
			err = b.Set(op.Key, op.Value, nil)
		}
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	return b, nil
}

// commit writes a batch, and keeps account of what would be lost with the life.
func (l *life) commit(b *pebble.Batch, durability database.Durability) error {
	if durability == database.NoSync {
		l.begun.Add(1)
		err := l.do(func() error { return errors.Join(b.Commit(pebble.NoSync), b.Close()) })
		if err == nil {
			l.applied.Add(1)
		}
		return err
	}
	before := l.applied.Load()
	err := l.do(func() error { return errors.Join(b.Commit(pebble.Sync), b.Close()) })
	if err == nil {
		l.covers(before)
	}
	return err
}

// covers: so many writes are durable.
func (l *life) covers(n int64) {
	for was := l.durable.Load(); was < n && !l.durable.CompareAndSwap(was, n); {
		was = l.durable.Load()
	}
}

// lossy tells whether something that was written may be lost with the life.
func (l *life) lossy() bool { return l.begun.Load() > l.durable.Load() }
