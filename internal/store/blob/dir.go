package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Config says where the store of a machine is and what it takes.
type Config struct {
	Limits
	// Dir is the directory, made if need be. All processes of a node name the same one.
	Dir string
	// Elapsed is how much time has passed, since whenever; nil: since the store was opened.
	Elapsed func() time.Duration
}

// Dir is one process' view of the directory: immutable files named by their hash, and beside them the leases. A file
// appears whole or not at all, since it is written under another name first. It is mapped into the reader's memory and
// not copied; its hash is checked once by each process. It is not synced: what a power failure has damaged is found by
// the hash, counts as missing, and is put again by whoever has it.
type Dir struct {
	cfg   Config
	clock clock

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
	if cfg.Elapsed == nil {
		opened := time.Now()
		cfg.Elapsed = func() time.Duration { return time.Since(opened) }
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, leases), 0o700); err != nil {
		return nil, fmt.Errorf("the blob store can't be made: %w", err)
	}
	s := &Dir{cfg: cfg, checked: map[primitives.Hash]bool{}}
	s.clock.dir, s.clock.elapsed = s, cfg.Elapsed
	s.clock.start()
	return s, nil
}

func (s *Dir) path(h primitives.Hash) string { return s.file(h.String()) }

func (s *Dir) file(name string) string { return filepath.Join(s.cfg.Dir, name) }

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
	now, err := s.clock.now()
	if err != nil {
		return Ref{}, err
	}
	if err := s.makeRoom(now, more); err != nil {
		return Ref{}, err
	}
	if known && s.hold(now, holder, ref, lease) == nil {
		return ref, nil
	}
	if err := s.lease(now, holder, ref.Hash, lease); err != nil {
		return Ref{}, err
	}
	if err := s.place(s.path(ref.Hash), b, 0o400, now); err != nil {
		return ref, fmt.Errorf("the blob could not be written: %w", err)
	}
	s.note(ref.Hash, true)
	return ref, nil
}

// Hold is Store.Hold.
func (s *Dir) Hold(holder string, ref Ref, d time.Duration) error {
	now, err := s.clock.now()
	if err != nil {
		return err
	}
	return s.hold(now, holder, ref, d)
}

func (s *Dir) hold(now time.Time, holder string, ref Ref, d time.Duration) error {
	err := os.Chtimes(s.path(ref.Hash), time.Time{}, now) // a sweep that is under way leaves what is young
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.note(ref.Hash, false)
		return missing(ref)
	case err != nil:
		return fmt.Errorf("the blob can't be held: %w", err)
	}
	return s.lease(now, holder, ref.Hash, d)
}

// temporary begins the names of unfinished files, behind which stands when they were begun: writing gives a file the
// machine's time.
const temporary = ".new-"

// begun is when an unfinished file was begun; of what isn't named by us, long ago.
func begun(name string) time.Time {
	at, _, _ := strings.Cut(strings.TrimPrefix(name, temporary), "-")
	nanos, _ := strconv.ParseInt(at, 10, 64)
	return time.Unix(0, nanos)
}

// place makes a file, whole and with its time or not at all.
func (s *Dir) place(path string, b []byte, mode fs.FileMode, at time.Time) error {
	f, err := os.CreateTemp(s.cfg.Dir, fmt.Sprintf("%s%d-*", temporary, at.UnixNano()))
	if err != nil {
		return err
	}
	defer func() {
		f.Close()
		os.Remove(f.Name()) // it has another name by now, if all went well
	}()
	if _, err = f.Write(b); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(mode), os.Chtimes(f.Name(), time.Time{}, at)); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
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
