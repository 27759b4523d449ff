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

func (f *file) begin(kind Kind) (done func(), err error) {
	done, err = f.process.begin(kind, f.path)
	if !f.open && !f.process.dead {
		err = fail(kind, f.path, fs.ErrClosed)
	}
	return done, err
}

// ReadAt is io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	done, err := f.begin(Read)
	defer done()
	if err != nil {
		return 0, err
	}
	if off > int64(len(f.node.cache)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.cache[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt is io.WriterAt. A failing write may leave the first bytes behind.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	done, err := f.begin(Write)
	defer done()
	if !f.writable {
		return 0, fail(Write, f.path, syscall.EBADF)
	}
	d := f.process.disk
	if err == nil {
		if fits := f.fits(p, off); fits < len(p) {
			f.node.write(p[:fits], off)
			return fits, fail(Write, f.path, syscall.ENOSPC)
		}
		f.node.write(p, off)
		return len(p), nil
	}
	if !begun(err) {
		return 0, err
	}
	n := d.rng.IntN(len(p) + 1)
	if n > 0 {
		f.node.write(p[:n], off)
	}
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
	if missing <= 0 {
		return len(p)
	}
	return int(max(0, int64(len(p))-missing))
}

// Sync is disk.File.Sync.
func (f *file) Sync() error {
	done, err := f.begin(Sync)
	defer done()
	switch d := f.process.disk; {
	case err == nil || d.halfway(err):
		f.node.sync()
	case begun(err) && !d.off:
		f.node.syncFailed(d.rng)
	}
	return err
}

// Size is disk.File.Size.
func (f *file) Size() (int64, error) {
	done, err := f.begin(Stat)
	defer done()
	if err != nil {
		return 0, err
	}
	return int64(len(f.node.cache)), nil
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
