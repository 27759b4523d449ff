package simdisk

import (
	"io"
	"io/fs"
	"slices"
	"syscall"
)

type file struct {
	process  *Process
	path     string
	node     *node
	writable bool
	open     bool
}

// try is Process.try for a file that must be open.
func (f *file) try(kind Kind, op func(d *Disk, fault error) error) error {
	return f.process.try(kind, f.path, func(d *Disk, fault error) error {
		if !f.open {
			return fail(kind, f.path, fs.ErrClosed)
		}
		return op(d, fault)
	})
}

// ReadAt is io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.try(Read, func(_ *Disk, fault error) error {
		if fault == nil {
			n = copy(p, f.node.cache[min(off, int64(len(f.node.cache))):])
		}
		return fault
	})
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// WriteAt is io.WriterAt. A failing write may leave the first bytes behind.
func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.try(Write, func(d *Disk, fault error) error {
		if !f.writable {
			return fail(Write, f.path, syscall.EBADF)
		}
		if fault != nil {
			n = d.rng.IntN(len(p) + 1)
		} else if n = f.fits(p, off); n < len(p) {
			fault = fail(Write, f.path, syscall.ENOSPC)
		}
		if n > 0 {
			f.node.write(p[:n], off)
		}
		return fault
	})
	return n, err
}

// fits is how much of p the disk has room for.
func (f *file) fits(p []byte, off int64) int {
	d := f.process.disk
	if d.limits.Bytes == 0 {
		return len(p)
	}
	grows := off + int64(len(p)) - int64(len(f.node.cache))
	missing := grows - max(0, d.limits.Bytes-d.names.used())
	return int(min(max(0, int64(len(p))-missing), int64(len(p))))
}

func (f *file) Sync() error {
	return f.try(Sync, func(d *Disk, fault error) error {
		switch {
		case fault == nil && d.later != nil:
			d.postpone(f.node)
		case fault == nil || d.halfway():
			f.node.sync(len(f.node.unsynced))
		case !d.off:
			f.node.syncFailed(d.rng)
		}
		return fault
	})
}

func (f *file) Size() (size int64, err error) {
	err = f.try(Stat, func(_ *Disk, fault error) error {
		size = int64(len(f.node.cache))
		return fault
	})
	return size, err
}

// Close is io.Closer. It isn't counted as an operation and never fails the first time.
func (f *file) Close() error {
	f.process.disk.mu.Lock()
	defer f.process.disk.mu.Unlock()
	if !f.open {
		return fail(Open, f.path, fs.ErrClosed)
	}
	f.close()
	f.process.files = slices.DeleteFunc(f.process.files, func(o *file) bool { return o == f })
	return nil
}

func (f *file) close() {
	if f.open {
		f.open = false
		f.process.disk.handles--
	}
}

type lock struct {
	process *Process
	path    string
}

// Close releases the lock.
func (l *lock) Close() error {
	l.process.disk.mu.Lock()
	defer l.process.disk.mu.Unlock()
	l.release()
	l.process.locks = slices.DeleteFunc(l.process.locks, func(o *lock) bool { return o == l })
	return nil
}

func (l *lock) release() {
	if holders := l.process.disk.holders; holders[l.path] == l {
		delete(holders, l.path)
	}
}
