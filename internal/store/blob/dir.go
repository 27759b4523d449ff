package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Config says where the store of a machine is and what it takes.
type Config struct {
	Limits
	// Dir is the directory, made if need be. All processes of a node name the same one.
	Dir string
	// Now is the time; nil: the machine's clock.
	Now func() time.Time
}

// Dir is one process' view of the directory: immutable files named by their hash, and beside them the leases. A file
// appears whole or not at all, since it is written under another name first. It is mapped into the reader's memory and
// not copied; its hash is checked once by each process. It is not synced: what a power failure has damaged is found by
// the hash, counts as missing, and is put again by whoever has it.
type Dir struct {
	cfg Config

	mu      sync.Mutex
	checked map[primitives.Hash]bool // by this process
	swept   time.Time
	bytes   uint64 // in the store at the last sweep, and put since by this process
}

var _ Store = (*Dir)(nil)

// maxChecked bounds what is remembered to have been checked; beyond it all are checked again.
const maxChecked = 1 << 16

// Open opens the store.
func Open(cfg Config) (*Dir, error) {
	cfg.Limits = cfg.withDefaults()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, leases), 0o700); err != nil {
		return nil, fmt.Errorf("the blob store can't be made: %w", err)
	}
	return &Dir{cfg: cfg, checked: map[primitives.Hash]bool{}}, nil
}

func (s *Dir) path(h primitives.Hash) string { return filepath.Join(s.cfg.Dir, h.String()) }

// Put is Store.Put.
func (s *Dir) Put(holder string, b []byte, lease time.Duration) (Ref, error) {
	ref := Ref{Hash: primitives.HashOf(b), Size: uint64(len(b))}
	if err := s.cfg.takes(ref.Size); err != nil {
		return Ref{}, err
	}
	known, more := s.known(ref.Hash), ref.Size
	if known {
		more = 0
	}
	if err := s.makeRoom(more); err != nil {
		return Ref{}, err
	}
	if known && s.Hold(holder, ref, lease) == nil {
		return ref, nil
	}
	if err := s.lease(holder, ref.Hash, lease); err != nil {
		return Ref{}, err
	}
	return ref, s.write(ref, b)
}

// Hold is Store.Hold.
func (s *Dir) Hold(holder string, ref Ref, d time.Duration) error {
	err := os.Chtimes(s.path(ref.Hash), time.Time{}, s.cfg.Now()) // a sweep that is under way leaves what is young
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.note(ref.Hash, false)
		return missing(ref)
	case err != nil:
		return fmt.Errorf("the blob can't be held: %w", err)
	}
	return s.lease(holder, ref.Hash, d)
}

const temporary = ".new-"

func (s *Dir) write(ref Ref, b []byte) error {
	f, err := os.CreateTemp(s.cfg.Dir, temporary+"*")
	if err != nil {
		return fmt.Errorf("the blob could not be written: %w", err)
	}
	defer func() {
		f.Close()
		os.Remove(f.Name()) // it has another name by now, if all went well
	}()
	_, err = f.Write(b)
	if err == nil {
		err = errors.Join(f.Chmod(0o400), os.Chtimes(f.Name(), time.Time{}, s.cfg.Now()))
	}
	if err == nil {
		err = os.Rename(f.Name(), s.path(ref.Hash))
	}
	if err != nil {
		return fmt.Errorf("the blob could not be written: %w", err)
	}
	s.note(ref.Hash, true)
	return nil
}

func (s *Dir) known(h primitives.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checked[h]
}

func (s *Dir) note(h primitives.Hash, good bool) {
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
