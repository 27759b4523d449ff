package pebbledb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// gate is the disk as one life of the store has it. Pebble takes a write that failed for the end of its process: it
// panics, or tries again without a pause. So it is never told of one: the first fault ends the life, and whoever asked
// the disk waits for ever, since nobody but pebble knows what locks it holds. When a life is over its gate is shut:
// nothing of it changes a file any more that the next one uses.
type gate struct {
	vfs.FS
	// failed is told of each fault. It may not wait.
	failed func(error)

	changing sync.RWMutex // held for reading by whoever changes a file
	shut     bool
	mu       sync.Mutex
	open     map[*gateFile]struct{}
}

func newGate(disk vfs.FS, failed func(error)) *gate {
	return &gate{FS: disk, failed: failed, open: map[*gateFile]struct{}{}}
}

// close shuts the gate when no change is under way any more, and closes all files.
func (g *gate) close() {
	g.changing.Lock()
	g.shut = true
	g.changing.Unlock()
	g.mu.Lock()
	files := g.open
	g.open = map[*gateFile]struct{}{}
	g.mu.Unlock()
	for f := range files {
		_ = f.once() // the life is over: what it had in mind with the file doesn't matter
	}
}

// change does what changes the disk. It doesn't return when that fails.
func (g *gate) change(what, path string, do func() error) error {
	err := g.attempt(do)
	if err == nil {
		return nil
	}
	g.failed(faultOf(what, path, err))
	select {}
}

var errShut = errors.New("the life of the store is over")

func (g *gate) attempt(do func() error) error {
	g.changing.RLock()
	defer g.changing.RUnlock()
	if g.shut {
		return errShut
	}
	return do()
}

// read does what reads, and tells of a fault, which it also returns: who reads has somebody to tell. When the life is
// over only pebble's own work is left, which would go on trying.
func (g *gate) read(path string, do func() error) error {
	err := g.attempt(do)
	switch {
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, errShut):
		select {}
	default:
		g.failed(faultOf("reading", path, err))
	}
	return err
}

// faultOf names the file, whether or not the operating system has.
func faultOf(what, path string, err error) error {
	if named, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s %s: %w", what, path, named.Err)
	}
	return fmt.Errorf("%s %s: %w", what, path, err)
}

// made is a file that was opened, behind the gate.
func (g *gate) made(path string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	made := &gateFile{File: f, gate: g, path: path}
	made.once = sync.OnceValue(f.Close)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open[made] = struct{}{}
	return made, nil
}

func (g *gate) Create(name string, of vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = g.change("making", name, func() error { f, err = g.FS.Create(name, of); return err })
	return g.made(name, f, err)
}

func (g *gate) OpenReadWrite(name string, of vfs.DiskWriteCategory, o ...vfs.OpenOption) (f vfs.File, err error) {
	err = g.change("opening", name, func() error { f, err = g.FS.OpenReadWrite(name, of, o...); return err })
	return g.made(name, f, err)
}

func (g *gate) ReuseForWrite(from, to string, of vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = g.change("reusing", from, func() error { f, err = g.FS.ReuseForWrite(from, to, of); return err })
	return g.made(to, f, err)
}

func (g *gate) Open(name string, o ...vfs.OpenOption) (f vfs.File, err error) {
	err = g.read(name, func() error { f, err = g.FS.Open(name, o...); return err })
	return g.made(name, f, err)
}

func (g *gate) OpenDir(name string) (f vfs.File, err error) {
	err = g.read(name, func() error { f, err = g.FS.OpenDir(name); return err })
	return g.made(name, f, err)
}

func (g *gate) Link(from, to string) error {
	return g.change("linking", from, func() error { return g.FS.Link(from, to) })
}

func (g *gate) Remove(name string) error {
	return g.remove(name, func() error { return g.FS.Remove(name) })
}

func (g *gate) RemoveAll(name string) error {
	return g.remove(name, func() error { return g.FS.RemoveAll(name) })
}

// remove is a change after which it doesn't matter whether there was anything.
func (g *gate) remove(name string, do func() error) (absent error) {
	err := g.change("removing", name, func() error {
		err := do()
		if errors.Is(err, fs.ErrNotExist) {
			absent, err = err, nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return absent
}

func (g *gate) Rename(from, to string) error {
	return g.change("renaming", from, func() error { return g.FS.Rename(from, to) })
}

func (g *gate) MkdirAll(dir string, mode os.FileMode) error {
	return g.change("making", dir, func() error { return g.FS.MkdirAll(dir, mode) })
}

// Lock is vfs.FS.Lock. The store holds the lock itself, over all its lives.
func (g *gate) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (g *gate) Unwrap() vfs.FS { return g.FS }

// gateFile is an open file behind a gate.
type gateFile struct {
	vfs.File
	gate *gate
	path string
	once func() error // closes it
}

// Close is vfs.File.Close. What was written is synced before, where it matters.
func (f *gateFile) Close() error {
	f.gate.mu.Lock()
	delete(f.gate.open, f)
	f.gate.mu.Unlock()
	return f.once()
}

func (f *gateFile) Read(p []byte) (n int, err error) {
	err = f.gate.read(f.path, func() error { n, err = f.File.Read(p); return err })
	return n, err
}

func (f *gateFile) ReadAt(p []byte, at int64) (n int, err error) {
	err = f.gate.read(f.path, func() error { n, err = f.File.ReadAt(p, at); return err })
	return n, err
}

func (f *gateFile) Write(p []byte) (n int, err error) {
	err = f.gate.change("writing", f.path, func() error { n, err = f.File.Write(p); return err })
	return n, err
}

func (f *gateFile) WriteAt(p []byte, at int64) (n int, err error) {
	err = f.gate.change("writing", f.path, func() error { n, err = f.File.WriteAt(p, at); return err })
	return n, err
}

// Stat is vfs.File.Stat. Pebble asks in the midst of beginning another log, and panics at any answer but a good one, so
// it gets none.
func (f *gateFile) Stat() (info vfs.FileInfo, err error) {
	err = f.gate.change("looking at", f.path, func() error { info, err = f.File.Stat(); return err })
	return info, err
}

// Prefetch is vfs.File.Prefetch: a hint about a file that is still open.
func (f *gateFile) Prefetch(at, length int64) error {
	return f.gate.attempt(func() error { return f.File.Prefetch(at, length) })
}

// Preallocate is vfs.File.Preallocate. A file system that can't do it does without.
func (f *gateFile) Preallocate(at, length int64) error {
	return f.gate.change("writing", f.path, func() error {
		err := f.File.Preallocate(at, length)
		if errors.Is(err, syscall.EOPNOTSUPP) {
			return nil
		}
		return err
	})
}

func (f *gateFile) Sync() error { return f.gate.change("syncing", f.path, f.File.Sync) }

func (f *gateFile) SyncData() error { return f.gate.change("syncing", f.path, f.File.SyncData) }

func (f *gateFile) SyncTo(length int64) (full bool, err error) {
	err = f.gate.change("syncing", f.path, func() error { full, err = f.File.SyncTo(length); return err })
	return full, err
}
