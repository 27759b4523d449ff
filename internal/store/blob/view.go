package blob

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// View is a part of a blob in memory. The bytes may not be written to, and may not be touched after Close. They stay
// while the view is open, though the blob's lease may end.
type View struct {
	bytes  []byte
	mapped []byte
}

// Bytes is the part that was asked for.
func (v *View) Bytes() []byte { return v.bytes }

// Close lets go of the memory. A second call does nothing.
func (v *View) Close() error {
	m := v.mapped
	v.bytes, v.mapped = nil, nil
	return unmap(m)
}

// Get gives n bytes from offset on, or all from there when n is negative.
func (s *Store) Get(ref Ref, offset uint64, n int64) (*View, error) {
	all, err := s.open(ref)
	if err != nil {
		return nil, err
	}
	v := &View{mapped: all}
	end := uint64(len(all))
	if n >= 0 && offset <= end && uint64(n) <= end-offset {
		end = offset + uint64(n)
	} else if n >= 0 || offset > end {
		v.Close()
		return nil, fmt.Errorf("%w: %d bytes from %d of %d", ErrRange, n, offset, ref.Size)
	}
	v.bytes = all[offset:end:end]
	return v, nil
}

// open maps a blob and checks its hash, once in this process.
func (s *Store) open(ref Ref) ([]byte, error) {
	f, err := os.Open(s.path(ref.Hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrMissing, ref.Hash.Short())
	}
	if err != nil {
		return nil, fmt.Errorf("the blob can't be read: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("the blob can't be read: %w", err)
	}
	if uint64(info.Size()) > s.cfg.MaxSize {
		return nil, s.damaged(ref)
	}
	b, err := mapFile(f, int(info.Size()))
	if err != nil {
		return nil, fmt.Errorf("the blob can't be mapped: %w", err)
	}
	if uint64(len(b)) != ref.Size {
		_ = unmap(b)
		return nil, s.wrongSize(ref, len(b))
	}
	if !s.known(ref.Hash) {
		if primitives.HashOf(b) != ref.Hash {
			_ = unmap(b)
			return nil, s.damaged(ref)
		}
		s.note(ref.Hash, true)
	}
	return b, nil
}

// wrongSize tells a damaged blob from a reference that lies about the size of a good one.
func (s *Store) wrongSize(ref Ref, size int) error {
	b, err := os.ReadFile(s.path(ref.Hash))
	if err == nil && primitives.HashOf(b) == ref.Hash {
		return fmt.Errorf("%w: the reference says %d bytes and the blob has %d", ErrRange, ref.Size, size)
	}
	return s.damaged(ref)
}

// damaged removes a file that is not what its name says.
func (s *Store) damaged(ref Ref) error {
	s.note(ref.Hash, false)
	if err := os.Remove(s.path(ref.Hash)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s was damaged and can't be removed: %w", ErrMissing, ref.Hash.Short(), err)
	}
	return fmt.Errorf("%w: %s was damaged and has been removed", ErrMissing, ref.Hash.Short())
}

type sum struct{ hash.Hash }

func newSum() sum { return sum{sha256.New()} }

func (s sum) hash() (h primitives.Hash) {
	s.Sum(h[:0])
	return h
}
