package blob

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Swept is what a sweep did.
type Swept struct {
	Removed int
	Kept    int
	Bytes   uint64 // of what was kept
}

const (
	// grace is how long after its lease a blob stays, so that who prolongs a lease in time is never too late.
	grace = time.Minute
	// abandoned is how old an unfinished file must be before it is nobody's.
	abandoned = time.Hour
)

// Sweep removes what no lease keeps, and what processes that died had begun to write. Any process of the node may call
// it, at any time.
func (s *Store) Sweep() (swept Swept, err error) {
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return swept, err
	}
	now := s.cfg.Now()
	var failed []error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // it went meanwhile, or isn't ours
		}
		if !over(e.Name(), info, now) {
			swept.Kept++
			swept.Bytes += uint64(info.Size())
			continue
		}
		if err := os.Remove(filepath.Join(s.cfg.Dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
			continue
		}
		s.forget(e.Name())
		swept.Removed++
	}
	return swept, errors.Join(failed...)
}

func over(name string, info fs.FileInfo, now time.Time) bool {
	if strings.HasPrefix(name, temporary) {
		return now.Sub(info.ModTime()) > abandoned
	}
	return now.Sub(info.ModTime()) > grace
}

func (s *Store) forget(name string) {
	var h primitives.Hash
	if h.UnmarshalText([]byte(name)) == nil {
		s.note(h, false)
	}
}
