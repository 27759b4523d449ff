package simdisk

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"syscall"

	"github.com/reevenet/reeve/internal/store/disk"
)

// Process is the disk as one process sees it; it is a disk.Disk.
type Process struct {
	disk  *Disk
	dead  bool
	files []*file
	locks []*lock
}

var _ disk.Disk = (*Process)(nil)

// Kill ends the process, and with it its open files and locks. The machine goes on: what was written stays visible to
// others.
func (p *Process) Kill() {
	p.disk.mu.Lock()
	defer p.disk.mu.Unlock()
	p.end()
	p.disk.all = slices.DeleteFunc(p.disk.all, func(o *Process) bool { return o == p })
}

func (p *Process) end() {
	p.dead = true
	for _, f := range p.files {
		f.close()
	}
	for _, l := range p.locks {
		l.release()
	}
	p.files, p.locks = nil, nil
}

func (p *Process) Open(name string) (disk.File, error) { return p.open(name, false) }

func (p *Process) OpenWrite(name string) (disk.File, error) { return p.open(name, true) }

func (p *Process) open(name string, writable bool) (f disk.File, err error) {
	err = p.do(Open, name, func(d *Disk) error {
		n, err := d.names.file(name)
		if err == nil && writable && d.limits.ReadOnly {
			err = syscall.EROFS
		}
		if err == nil {
			f, err = p.handle(name, n, writable)
		}
		return err
	})
	return f, err
}

func (p *Process) Create(name string, mode fs.FileMode) (f disk.File, err error) {
	err = p.do(Create, name, func(d *Disk) error {
		if _, err := d.names.file(name); err == nil {
			return fs.ErrExist
		}
		if err := d.names.isDir(path.Dir(name)); err != nil {
			return err
		}
		n := d.newNode(mode)
		if f, err = p.handle(name, n, true); err == nil {
			d.names.change("", path.Clean(name), n)
		}
		return err
	})
	return f, err
}

func (p *Process) handle(name string, n *node, writable bool) (disk.File, error) {
	if max := p.disk.limits.Handles; max > 0 && p.disk.handles >= max {
		return nil, syscall.EMFILE
	}
	p.disk.handles++
	f := &file{process: p, path: path.Clean(name), node: n, writable: writable, open: true}
	p.files = append(p.files, f)
	return f, nil
}

func (p *Process) Rename(from, to string) error {
	return p.do(Rename, from, func(d *Disk) error {
		n, err := d.names.file(from)
		if err == nil && path.Dir(from) != path.Dir(to) {
			err = syscall.EXDEV
		}
		if err == nil {
			d.names.change(path.Clean(from), path.Clean(to), n)
		}
		return err
	})
}

func (p *Process) Remove(name string) error {
	return p.do(Remove, name, func(d *Disk) error {
		n, err := d.names.file(name)
		if err == nil {
			d.names.change(path.Clean(name), "", n)
		}
		return err
	})
}

func (p *Process) MkdirAll(name string, mode fs.FileMode) error {
	return p.do(Mkdir, name, func(d *Disk) error {
		for dir := path.Clean(name); d.names.seen[dir] == nil; dir = path.Dir(dir) {
			n := d.newNode(mode)
			n.dir = true
			d.names.mkdir(dir, n)
		}
		if d.names.isDir(name) != nil {
			return syscall.ENOTDIR
		}
		return nil
	})
}

func (p *Process) SyncDir(name string) error {
	return p.do(SyncDir, name, func(d *Disk) error {
		err := d.names.isDir(name)
		if err == nil {
			d.names.sync(path.Clean(name))
		}
		return err
	})
}

func (p *Process) List(name string) (names []string, err error) {
	err = p.do(List, name, func(d *Disk) error {
		names = d.names.list(path.Clean(name))
		return d.names.isDir(name)
	})
	return names, err
}

func (p *Process) Stat(name string) (info disk.Info, err error) {
	err = p.do(Stat, name, func(d *Disk) error {
		n, err := d.names.file(name)
		if err == nil {
			info = n.info()
		}
		return err
	})
	return info, err
}

func (p *Process) Lock(name string) (io.Closer, error) {
	l := &lock{process: p, path: path.Clean(name)}
	return l, p.do(Lock, name, func(d *Disk) error {
		if d.holders[l.path] != nil {
			return disk.ErrLocked
		}
		if _, err := d.names.file(name); err != nil {
			if err := d.names.isDir(path.Dir(name)); err != nil {
				return err
			}
			d.names.change("", l.path, d.newNode(0o600))
		}
		d.holders[l.path] = l
		p.locks = append(p.locks, l)
		return nil
	})
}
