// Package blob is the node's store of large things: proofs of validity, available data, chunks, code. Put gives a
// reference, hash and size, that travels over the bus in the thing's place; Get gives the bytes to whoever has the
// reference.
//
// On one machine it is a directory that the node's processes share: immutable files named by their hash. A file appears
// whole or not at all, since it is written under another name first. It is mapped into the reader's memory and not
// copied; its hash is checked once by each process. It is not synced: what a power failure has damaged is found by the
// hash, counts as missing, and is put again by whoever has it.
//
// A file lives as long as its longest lease, which is kept as its modification time, so that no process needs another's
// word to sweep. The package knows nothing of what the bytes mean.
package blob

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Ref names a blob.
type Ref struct {
	Hash primitives.Hash
	Size uint64
}

// Errors by which a caller decides what to do.
var (
	// ErrMissing: nobody has put it here, its lease is over, or it was damaged and has been removed.
	ErrMissing = errors.New("no such blob here")
	// ErrTooLarge: it is longer than the store takes.
	ErrTooLarge = errors.New("blob too large")
	// ErrRange: the wanted part lies outside the blob.
	ErrRange = errors.New("outside the blob")
)

// Config says where a store is and what it takes.
type Config struct {
	// Dir is the directory, made if need be. All processes of a node name the same one.
	Dir string
	// MaxSize is the longest blob in bytes; 0: 64 MiB.
	MaxSize uint64
	// Now is the time; nil: the machine's clock.
	Now func() time.Time
}

// Store is one process' view of the directory. Its methods may be called by any goroutine.
type Store struct {
	cfg Config

	mu      sync.Mutex
	checked map[primitives.Hash]bool // by this process
}

// maxChecked bounds what is remembered to have been checked; beyond it all are checked again.
const maxChecked = 1 << 16

// Open opens the store.
func Open(cfg Config) (*Store, error) {
	if cfg.MaxSize == 0 {
		cfg.MaxSize = 64 << 20
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("the blob store can't be made: %w", err)
	}
	return &Store{cfg: cfg, checked: map[primitives.Hash]bool{}}, nil
}

func (s *Store) path(h primitives.Hash) string { return filepath.Join(s.cfg.Dir, h.String()) }

// Put keeps b at least until the lease is over. Putting what is there only prolongs its lease.
func (s *Store) Put(b []byte, lease time.Duration) (Ref, error) {
	ref := Ref{Hash: primitives.HashOf(b), Size: uint64(len(b))}
	if ref.Size > s.cfg.MaxSize {
		return Ref{}, fmt.Errorf("%w: %d bytes, at most %d are taken", ErrTooLarge, ref.Size, s.cfg.MaxSize)
	}
	if s.known(ref.Hash) && s.Prolong(ref, lease) == nil {
		return ref, nil
	}
	return ref, s.write(ref, lease, func(f *os.File) error { _, err := f.Write(b); return err })
}

// PutFrom keeps what r holds, without keeping it in memory.
func (s *Store) PutFrom(r io.Reader, lease time.Duration) (Ref, error) {
	f, err := s.temporary()
	if err != nil {
		return Ref{}, err
	}
	defer discard(f)
	sum := newSum()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(r, int64(s.cfg.MaxSize)+1))
	switch {
	case err != nil:
		return Ref{}, fmt.Errorf("the blob could not be written: %w", err)
	case uint64(n) > s.cfg.MaxSize:
		return Ref{}, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, s.cfg.MaxSize)
	}
	ref := Ref{Hash: sum.hash(), Size: uint64(n)}
	return ref, s.name(f, ref, lease)
}

func (s *Store) write(ref Ref, lease time.Duration, fill func(*os.File) error) error {
	f, err := s.temporary()
	if err != nil {
		return err
	}
	defer discard(f)
	if err := fill(f); err != nil {
		return fmt.Errorf("the blob could not be written: %w", err)
	}
	return s.name(f, ref, lease)
}

const temporary = ".new-"

func (s *Store) temporary() (*os.File, error) {
	f, err := os.CreateTemp(s.cfg.Dir, temporary+"*")
	if err != nil {
		return nil, fmt.Errorf("the blob could not be written: %w", err)
	}
	return f, nil
}

func discard(f *os.File) {
	f.Close()
	os.Remove(f.Name()) // it has another name by now, if all went well
}

// name makes a written file the blob, with a lease no shorter than the one that it has.
func (s *Store) name(f *os.File, ref Ref, lease time.Duration) error {
	until := s.cfg.Now().Add(lease)
	if old, err := os.Stat(s.path(ref.Hash)); err == nil && old.ModTime().After(until) {
		until = old.ModTime()
	}
	err := errors.Join(f.Chmod(0o400), os.Chtimes(f.Name(), time.Time{}, until))
	if err == nil {
		err = os.Rename(f.Name(), s.path(ref.Hash))
	}
	if err != nil {
		return fmt.Errorf("the blob could not be kept: %w", err)
	}
	s.note(ref.Hash, true)
	return nil
}

func (s *Store) known(h primitives.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checked[h]
}

func (s *Store) note(h primitives.Hash, good bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !good {
		delete(s.checked, h)
		return
	}
	if len(s.checked) >= maxChecked {
		clear(s.checked)
	}
	s.checked[h] = true
}

// Prolong makes a lease end no sooner than after d from now.
func (s *Store) Prolong(ref Ref, d time.Duration) error {
	until := s.cfg.Now().Add(d)
	info, err := os.Stat(s.path(ref.Hash))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.note(ref.Hash, false)
		return ErrMissing
	case err != nil:
		return err
	case info.ModTime().After(until):
		return nil
	}
	return os.Chtimes(s.path(ref.Hash), time.Time{}, until)
}
