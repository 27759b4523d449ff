// Package logfile writes a log that stays within a bound while it grows: when the file is full it is set aside, and the
// oldest of those set aside goes. It takes bytes of whoever writes, and never makes him wait for a disk that is full:
// what can't be written is left out, and counted in the log once there is room again.
package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Limit bounds a log on disk: (Older + 1) · Size bytes.
type Limit struct {
	Size  int64 // of one file
	Older int   // how many files are kept beside the one that is written, as log.1 (the newest), log.2, …
}

// Default is the limit of every log of a node or a network: 32 MiB each.
var Default = Limit{Size: 8 << 20, Older: 3}

// File is a log that is written. Its methods may be called from any goroutine.
type File struct {
	path  string
	limit Limit
	moved func(*os.File) // after the log begins anew in another file

	mu   sync.Mutex
	file *os.File // nil while it can't be opened
	size int64
	lost int64 // bytes that were left out since the last write that succeeded
}

// Open goes on with the log at path, and makes its directory if need be. moved, unless nil, is called with each file in
// which the log begins anew.
func Open(path string, limit Limit, moved func(*os.File)) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f := &File{path: path, limit: limit, moved: moved}
	return f, f.open()
}

func (f *File) open() error {
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.size = file, info.Size()
	return nil
}

// Write adds to the log. It never fails: a log is no reason to stop whoever writes it.
func (f *File) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.size > 0 && f.size+int64(len(p)) > f.limit.Size {
		f.turn()
	}
	if err := f.write(p); err != nil {
		f.lost += int64(len(p))
	}
	return len(p), nil
}

func (f *File) write(p []byte) error {
	if f.file == nil {
		if err := f.open(); err != nil {
			return err
		}
	}
	if f.lost > 0 {
		p = append(fmt.Appendf(nil, "[%d bytes are left out: they couldn't be written]\n", f.lost), p...)
	}
	n, err := f.file.Write(p)
	f.size += int64(n)
	if err == nil {
		f.lost = 0
	}
	return err
}

// turn sets the file aside and begins a new one. Where the names can't be changed the old one is emptied: the bound
// holds.
func (f *File) turn() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
	for i := f.limit.Older; i > 0; i-- {
		if err := os.Rename(f.older(i-1), f.older(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			os.Truncate(f.path, 0) //nolint:errcheck // what can't be emptied is written to no more, see Write
			break
		}
	}
	if f.limit.Older == 0 {
		os.Truncate(f.path, 0) //nolint:errcheck // as above
	}
	if f.open() == nil && f.moved != nil {
		f.moved(f.file)
	}
}

// older is the name of the file that was set aside i turns ago.
func (f *File) older(i int) string {
	if i == 0 {
		return f.path
	}
	return fmt.Sprintf("%s.%d", f.path, i)
}

// Close ends the writing.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}
