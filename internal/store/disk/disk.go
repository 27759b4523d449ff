// Package disk is the port through which everything that keeps state reaches its files. It exists so that the same code
// runs on an operating system's disk and on simdisk, where only what was synced survives a crash and any operation can
// be made to fail.
//
// It offers what durable code needs and nothing that hides a cost: a write is not durable until Sync, and a name
// (created, renamed, removed) is not durable until SyncDir of its directory. Errors are those of the operating system,
// so callers test them with errors.Is: fs.ErrNotExist, fs.ErrExist, syscall.ENOSPC, syscall.EROFS, syscall.EMFILE,
// syscall.EIO.
//
// An error of Sync means that nobody knows what is on the disk: the kernel may have dropped the pages and forgotten the
// error, so a second Sync that succeeds proves nothing ("fsyncgate", Rebello et al., USENIX ATC 2020). The file is
// suspect until its content has been read, verified and written anew.
package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Disk is a file system as one process sees it.
type Disk interface {
	// Open opens an existing file for reading.
	Open(path string) (File, error)
	// OpenWrite opens an existing file for reading and writing.
	OpenWrite(path string) (File, error)
	// Create makes a file that must not exist yet and opens it for reading and writing.
	Create(path string, mode fs.FileMode) (File, error)
	// Rename gives a file another name in the same directory, replacing what had that name, in one step.
	Rename(from, to string) error
	// Remove removes a file.
	Remove(path string) error
	// MkdirAll makes a directory and its parents, durably.
	MkdirAll(path string, mode fs.FileMode) error
	// SyncDir makes durable which names a directory holds.
	SyncDir(path string) error
	// List returns the names in a directory, sorted.
	List(path string) ([]string, error)
	// Stat describes a file or directory.
	Stat(path string) (Info, error)
	// Lock takes the lock that the file stands for, making the file if need be, and holds it until it is closed or the
	// process ends. Somebody else's lock is ErrLocked, at once.
	Lock(path string) (io.Closer, error)
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes what was written durable, the size included. See the package comment about its errors.
	Sync() error
	// Size returns the file's length in bytes.
	Size() (int64, error)
}

// Info describes a file.
type Info struct {
	// Mode holds the permissions, and the directory bit.
	Mode fs.FileMode
	// Identity names this very file: it stays the same over renames, restarts and reboots, and a copy of the file, by
	// whatever tool, has another. (A copy of the whole block device has the same.)
	Identity string
}

// ErrLocked means that another process, or another part of this one, holds the lock.
var ErrLocked = errors.New("locked by another process")

// ReadFile reads a whole file, which must not be longer than limit bytes.
func ReadFile(d Disk, path string, limit int64) ([]byte, error) {
	f, err := d.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%s has %d bytes and may have at most %d", path, size, limit)
	}
	data := make([]byte, size)
	n, err := f.ReadAt(data, 0)
	if err != nil && !(errors.Is(err, io.EOF) && int64(n) == size) {
		return nil, err
	}
	return data, nil
}
