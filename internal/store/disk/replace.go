package disk

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// TempSuffix marks a file that was being written when something ended; Replace overwrites it the next time.
const TempSuffix = ".tmp"

// Replace makes data the content of path, durably and in one step: a crash at any moment leaves the old content or the
// new. When it returns an error from before the rename the old content is in place; after it, either may be, and
// Renamed tells so.
func Replace(d Disk, path string, data []byte, mode fs.FileMode) error {
	f, err := ReplaceOpen(d, path, data, mode)
	if err != nil {
		return err
	}
	return f.Close()
}

// ReplaceOpen is Replace for a file that is written on: it returns the new file, open.
func ReplaceOpen(d Disk, path string, data []byte, mode fs.FileMode) (File, error) {
	temp := path + TempSuffix
	f, err := writeTemp(d, temp, data, mode)
	if err != nil {
		_ = d.Remove(temp) // it takes space, which may be what is missing; if it stays, the next Replace removes it
		return nil, err
	}
	if err := d.Rename(temp, path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := d.SyncDir(filepath.Dir(path)); err != nil {
		return nil, &RenamedError{Err: errors.Join(err, f.Close())}
	}
	return f, nil
}

// RenamedError is an error of Replace that came after the rename: the new content is what a reader sees, and a crash
// may still bring back the old.
type RenamedError struct{ Err error }

func (e *RenamedError) Error() string { return e.Err.Error() }
func (e *RenamedError) Unwrap() error { return e.Err }

func writeTemp(d Disk, temp string, data []byte, mode fs.FileMode) (File, error) {
	if err := d.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := d.Create(temp, mode)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(data, 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
