package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Get is Store.Get.
func (s *Dir) Get(ref Ref, offset uint64, n int64) (*View, error) {
	all, err := s.open(ref)
	if err != nil {
		return nil, err
	}
	v := &View{mapped: all}
	if v.bytes, err = part(all, ref, offset, n); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// open maps a blob and checks its hash, once in this process.
func (s *Dir) open(ref Ref) ([]byte, error) {
	f, err := os.Open(s.path(ref.Hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(ref)
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
		return nil, s.otherSize(ref, len(b))
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

// otherSize tells a damaged blob from a reference that lies about the size of a good one.
func (s *Dir) otherSize(ref Ref, size int) error {
	b, err := os.ReadFile(s.path(ref.Hash))
	if err == nil && primitives.HashOf(b) == ref.Hash {
		return wrongSize(ref, size)
	}
	return s.damaged(ref)
}

// damaged removes a file that is not what its name says.
func (s *Dir) damaged(ref Ref) error {
	s.note(ref.Hash, false)
	if err := os.Remove(s.path(ref.Hash)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s was damaged and can't be removed: %w", ErrMissing, ref.Hash.Short(), err)
	}
	return fmt.Errorf("%w: %s was damaged and has been removed", ErrMissing, ref.Hash.Short())
}

func wrongSize(ref Ref, size int) error {
	return fmt.Errorf("%w: the reference says %d bytes and the blob has %d", ErrRange, ref.Size, size)
}
