package workers

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is one code's directory, or one of what a process works on.
type entry struct {
	dir  string
	used time.Time
	size int64
}

// entries lists them, the one that wasn't used for longest first.
func (s *store) entries() (list []entry) {
	found, _ := os.ReadDir(s.dir)
	for _, d := range found {
		info, err := d.Info()
		if err != nil {
			continue
		}
		e := entry{dir: filepath.Join(s.dir, d.Name()), used: info.ModTime()}
		_ = filepath.WalkDir(e.dir, func(_ string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if info, err := d.Info(); err == nil && !d.IsDir() {
				e.size += info.Size()
			}
			return nil
		})
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.dir, b.dir)) })
	return list
}

// makeRoom removes what wasn't used for longest, but not what was just added.
func (s *store) makeRoom(added string) {
	list, all := s.entries(), int64(0)
	for _, e := range list {
		all += e.size
	}
	for _, e := range list {
		if all > s.most && e.dir != added && !strings.HasPrefix(filepath.Base(e.dir), unready) {
			s.remove(e.dir)
			all -= e.size
		}
	}
}

// abandoned is how long after its last change what a process works on is taken for that of one that has ended.
const abandoned = time.Hour

// sweep removes what processes that died have left.
func (s *store) sweep() {
	for _, e := range s.entries() {
		if e.dir != s.scratch() && strings.HasPrefix(filepath.Base(e.dir), unready) && time.Since(e.used) > abandoned {
			s.remove(e.dir)
		}
	}
}
