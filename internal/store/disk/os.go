package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// OS is the operating system's file system. The zero value is ready.
type OS struct{}

type osFile struct{ *os.File }

func (OS) Open(path string) (File, error) { return openFile(path, os.O_RDONLY, 0) }

func (OS) OpenWrite(path string) (File, error) { return openFile(path, os.O_RDWR, 0) }

func (OS) Create(path string, mode fs.FileMode) (File, error) {
	return openFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
}

func (OS) Rename(from, to string) error { return os.Rename(from, to) }

func (OS) Remove(path string) error { return os.Remove(path) }

func (o OS) MkdirAll(path string, mode fs.FileMode) error {
	parent := filepath.Dir(path)
	if _, err := os.Stat(path); err == nil || parent == path {
		return os.MkdirAll(path, mode) // it is there: this only checks that it is a directory
	}
	if err := o.MkdirAll(parent, mode); err != nil {
		return err
	}
	if err := os.MkdirAll(path, mode); err != nil {
		return err
	}
	return o.SyncDir(parent)
}

func (OS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (OS) List(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return names, nil
}

func (OS) Stat(path string) (Info, error) {
	st, err := os.Stat(path)
	if err != nil {
		return Info{}, err
	}
	id, err := identity(path)
	if err != nil {
		return Info{}, err
	}
	return Info{Mode: st.Mode(), Identity: id}, nil
}

// Lock is Disk.Lock. The lock is advisory and belongs to the open file, so it also keeps out another part of this
// process.
func (OS) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
}

func openFile(path string, flags int, mode fs.FileMode) (File, error) {
	f, err := os.OpenFile(path, flags, mode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (f osFile) Sync() error { return syncData(f.File) }

func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}
