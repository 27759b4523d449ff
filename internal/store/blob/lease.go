package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// leases is the directory of the leases in that of the store. A lease is an empty file, named by the blob in a
// directory named by the holder, whose modification time is its end by the store's clock: so no process needs another's
// word to sweep.
const leases = "leases"

func (s *Dir) leasePath(holder string, h primitives.Hash) string {
	return filepath.Join(s.cfg.Dir, leases, url.PathEscape(holder), h.String())
}

// lease makes a holder's lease end no sooner than after d from now.
func (s *Dir) lease(now time.Time, holder string, h primitives.Hash, d time.Duration) error {
	if holder == "" || d <= 0 {
		return badLease(holder, d)
	}
	path, until := s.leasePath(holder, h), now.Add(d)
	info, err := os.Stat(path)
	switch {
	case err == nil && info.ModTime().After(until):
		return nil
	case err == nil:
		err = os.Chtimes(path, time.Time{}, until)
	case errors.Is(err, fs.ErrNotExist):
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = s.place(path, nil, 0o600, until)
		}
	}
	if err != nil {
		return fmt.Errorf("the blob can't be held: %w", err)
	}
	return nil
}

func badLease(holder string, d time.Duration) error {
	return fmt.Errorf("a lease has a holder and a length: %q, %v", holder, d)
}

// Release is Store.Release.
func (s *Dir) Release(holder string, ref Ref) error {
	err := os.Remove(s.leasePath(holder, ref.Hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was over
	}
	return err
}

const (
	// sweepEvery is how often a process that puts blobs looks what can go.
	sweepEvery = time.Minute
	// grace is how long after the end of a lease it still counts, and how long what was put or held stays in any case:
	// who holds a blob in time is never too late.
	grace = time.Minute
	// abandoned is how old an unfinished file must be before it is nobody's.
	abandoned = time.Hour
)

// makeRoom removes what no lease keeps, if it is time to or size more bytes wouldn't fit.
func (s *Dir) makeRoom(now time.Time, size uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.swept) >= sweepEvery || s.bytes+size > s.cfg.MaxTotal {
		kept, err := s.sweep(now)
		if err != nil {
			return fmt.Errorf("the blob store can't be swept: %w", err)
		}
		s.swept, s.bytes = now, kept
	}
	if s.bytes+size > s.cfg.MaxTotal {
		return fmt.Errorf("%w: %d of %d bytes are held and %d don't fit", ErrFull, s.bytes, s.cfg.MaxTotal, size)
	}
	s.bytes += size
	return nil
}

// sweep removes the leases that are over, what no lease keeps, and what processes that died had begun to write. It
// returns how many bytes are kept.
func (s *Dir) sweep(now time.Time) (kept uint64, err error) {
	held, err := s.held(now)
	if err != nil {
		return 0, err
	}
	err = each(s.cfg.Dir, func(path string, info fs.FileInfo) error {
		name, goes := info.Name(), false
		switch {
		case name == clockFile:
		case strings.HasPrefix(name, temporary):
			goes = now.Sub(begun(name)) > abandoned
		default:
			goes = !held[name] && now.Sub(info.ModTime()) > grace
		}
		if goes {
			delete(s.checked, hashOf(name))
			return os.Remove(path)
		}
		kept += uint64(info.Size())
		return nil
	})
	return kept, err
}

// held lists the blobs with a lease, and removes the leases that are over.
func (s *Dir) held(now time.Time) (map[string]bool, error) {
	held := map[string]bool{}
	holders, err := os.ReadDir(filepath.Join(s.cfg.Dir, leases))
	for _, holder := range holders {
		of := filepath.Join(s.cfg.Dir, leases, holder.Name())
		err = errors.Join(err, each(of, func(path string, info fs.FileInfo) error {
			if now.Sub(info.ModTime()) > grace {
				return os.Remove(path)
			}
			held[info.Name()] = true
			return nil
		}))
	}
	return held, err
}

// each calls f for every file in a directory; what goes meanwhile is passed over.
func each(dir string, f func(path string, info fs.FileInfo) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var failed []error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // it went, or isn't ours
		}
		if err := f(filepath.Join(dir, e.Name()), info); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// hashOf is the hash that a file is named by; zero when it is none.
func hashOf(name string) (h primitives.Hash) {
	_ = h.UnmarshalText([]byte(name)) // nothing is keyed by zero
	return h
}
