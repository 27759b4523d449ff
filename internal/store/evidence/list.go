package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/reevenet/reeve/internal/core/evidence"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/store/disk"
)

// File is one file of a store.
type File struct {
	ID       primitives.Hash
	Evidence *evidence.Evidence // nil when Err is set
	Err      error              // why it can't be read
}

// List reads a directory of evidence in the order of ids, whether a process writes to it or not. A directory that isn't
// there holds none.
func List(d disk.Disk, dir string) ([]File, error) {
	names, err := d.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var files []File
	for _, name := range names {
		id, ok := idIn(name)
		if !ok {
			continue
		}
		f := File{ID: id}
		if f.Evidence, f.Err = Read(d, filepath.Join(dir, name)); f.Err == nil && f.Evidence.ID() != id {
			f.Evidence, f.Err = nil, fmt.Errorf("the file holds evidence %s", f.Evidence.ID())
		}
		if !errors.Is(f.Err, fs.ErrNotExist) { // it made room since
			files = append(files, f)
		}
	}
	return files, nil
}

// Read reads one file. What it says isn't checked.
func Read(d disk.Disk, path string) (*evidence.Evidence, error) {
	b, err := disk.ReadFile(d, path, int64(evidence.MaxSize))
	if err != nil {
		return nil, err
	}
	return evidence.Decode(b)
}
