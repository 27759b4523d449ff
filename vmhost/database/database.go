// Package database is the contract of a chain's database: an ordered map from bytes to bytes with atomic batches,
// snapshots and iterators. The host owns the database; a VM sees the same contract through a service (package remote).
// Implementations: pebble (package pebbledb), memory with the crash behaviour of a disk (package memdb), and the
// plugin's view (package remote). All of them pass the one suite in package databasetest.
//
// Nothing here may lose a batch that was written with Sync, or show half of one.
package database

import (
	"context"
	"errors"
)

var (
	// ErrNotFound is returned by Get for a key that isn't there.
	ErrNotFound = errors.New("database: key not found")
	// ErrClosed is returned by every call after Close.
	ErrClosed = errors.New("database: closed")
)

// Limits that every implementation holds, so that what works in a test works in production.
const (
	// MaxKeySize is the longest key, in bytes.
	MaxKeySize = 64 << 10
	// MaxValueSize is the longest value, in bytes.
	MaxValueSize = 8 << 20
	// MaxBatchSize is the most that a batch holds, in bytes of keys and values: a batch must fit into one message.
	MaxBatchSize = 14 << 20
)

// Reader reads one consistent state or, on a Database, the newest one with each call. Returned slices belong to the
// caller.
type Reader interface {
	// Get returns the value of key, or ErrNotFound.
	Get(ctx context.Context, key []byte) ([]byte, error)
	// Has tells whether key exists.
	Has(ctx context.Context, key []byte) (bool, error)
	// GetBatch returns a value per key, in order; nil for a key that isn't there, never nil for one that is.
	GetBatch(ctx context.Context, keys [][]byte) ([][]byte, error)
	// Iterate goes through start ≤ key < end in key order, over the state at this moment. A nil end means to the last
	// key. The iterator must be closed.
	Iterate(ctx context.Context, start, end []byte) Iterator
}

// Iterator is used like a scanner: for it.Next() { it.Key(), it.Value() }; then it.Err(); and always it.Close().
type Iterator interface {
	// Next moves to the next entry; false at the end or after an error.
	Next() bool
	// Key is the entry's key, valid until Next.
	Key() []byte
	// Value is the entry's value, valid until Next.
	Value() []byte
	// Err is what ended the iteration early, or nil.
	Err() error
	// Close frees what the iterator holds. Safe to repeat.
	Close() error
}

// Snapshot is a state that later writes don't change. It must be closed.
type Snapshot interface {
	Reader
	// Close frees what the snapshot holds. Safe to repeat.
	Close() error
}

// Durability says when Write may return.
type Durability bool

const (
	// Sync: the batch survives a power failure once Write has returned.
	Sync Durability = true
	// NoSync: the batch may be lost in a crash, whole and together with all later ones.
	NoSync Durability = false
)

// Database is a Reader of the newest state that can be changed.
type Database interface {
	Reader
	// Write applies the batch whole or not at all. The batch may be reused afterwards.
	Write(ctx context.Context, batch *Batch, durability Durability) error
	// Snapshot pins the state of this moment.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Close ends the use; open snapshots and iterators end too.
	Close() error
}

// PrefixEnd is the smallest key that is larger than every key with this prefix: the end of a range over the prefix. It
// is nil, which means to the last key, when there is none.
func PrefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
