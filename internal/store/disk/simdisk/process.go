package simdisk

import (
	"fmt"
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

// Kill ends the process, and with it its open files and locks. The machine goes on: what was written stays visible to others.
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

// begin locks the machine; done unlocks it.
func (p *Process) begin(kind Kind, name string) (done func(), err error) {
	p.disk.mu.Lock()
	if p.dead {
		return p.disk.mu.Unlock, fail(kind, name, ErrOff)
	}
	return p.disk.mu.Unlock, p.disk.begin(kind, name)
}

// Open is disk.Disk.Open.
func (p *Process) Open(name string) (disk.File, error) { return p.open(name, false) }

// OpenWrite is disk.Disk.OpenWrite.
func (p *Process) OpenWrite(name string) (disk.File, error) { return p.open(name, true) }

func (p *Process) open(name string, writable bool) (disk.File, error) {
	name = path.Clean(name)
	done, err := p.begin(Open, name)
	defer done()
	if err != nil {
		return nil, err
	}
	n := p.disk.names.seen[name]
	if n == nil {
		return nil, fail(Open, name, fs.ErrNotExist)
	}
	if writable && p.disk.limits.ReadOnly {
		return nil, fail(Open, name, syscall.EROFS)
	}
	return p.handle(Open, name, n, writable)
}

// Create is disk.Disk.Create.
func (p *Process) Create(name string, mode fs.FileMode) (disk.File, error) {
	name = path.Clean(name)
	done, err := p.begin(Create, name)
	defer done()
	if err != nil && !p.disk.halfway(err) {
		return nil, err
	}
	if p.disk.names.seen[name] != nil {
		return nil, fail(Create, name, fs.ErrExist)
	}
	if dir := p.disk.names.seen[path.Dir(name)]; dir == nil || !dir.dir {
		return nil, fail(Create, name, fs.ErrNotExist)
	}
	f, full := p.handle(Create, name, nil, true)
	if full != nil {
		return nil, full
	}
	f.node = p.disk.newNode(mode)
	p.disk.names.change("", name, f.node)
	return f, err
}

func (d *Disk) newNode(mode fs.FileMode) *node {
	d.ids++
	return &node{id: d.ids, mode: mode}
}

func (p *Process) handle(kind Kind, name string, n *node, writable bool) (*file, error) {
	if max := p.disk.limits.Handles; max > 0 && p.disk.handles >= max {
		return nil, fail(kind, name, syscall.EMFILE)
	}
	p.disk.handles++
	f := &file{process: p, path: name, node: n, writable: writable, open: true}
	p.files = append(p.files, f)
	return f, nil
}

// Rename is disk.Disk.Rename.
func (p *Process) Rename(from, to string) error {
	from, to = path.Clean(from), path.Clean(to)
	done, err := p.begin(Rename, from)
	defer done()
	if err != nil && !p.disk.halfway(err) {
		return err
	}
	n := p.disk.names.seen[from]
	if n == nil {
		return fail(Rename, from, fs.ErrNotExist)
	}
	if path.Dir(from) != path.Dir(to) {
		return fail(Rename, from, syscall.EXDEV)
	}
	p.disk.names.change(from, to, n)
	return err
}

// Remove is disk.Disk.Remove.
func (p *Process) Remove(name string) error {
	name = path.Clean(name)
	done, err := p.begin(Remove, name)
	defer done()
	if err != nil && !p.disk.halfway(err) {
		return err
	}
	n := p.disk.names.seen[name]
	if n == nil {
		return fail(Remove, name, fs.ErrNotExist)
	}
	p.disk.names.change(name, "", n)
	return err
}

// MkdirAll is disk.Disk.MkdirAll.
func (p *Process) MkdirAll(name string, mode fs.FileMode) error {
	name = path.Clean(name)
	done, err := p.begin(Mkdir, name)
	defer done()
	if err != nil {
		return err
	}
	for dir := name; p.disk.names.seen[dir] == nil; dir = path.Dir(dir) {
		n := p.disk.newNode(mode)
		n.dir = true
		p.disk.names.mkdir(dir, n)
	}
	if !p.disk.names.seen[name].dir {
		return fail(Mkdir, name, syscall.ENOTDIR)
	}
	return nil
}

// SyncDir is disk.Disk.SyncDir.
func (p *Process) SyncDir(name string) error {
	name = path.Clean(name)
	done, err := p.begin(SyncDir, name)
	defer done()
	if err != nil && !p.disk.halfway(err) {
		return err
	}
	if n := p.disk.names.seen[name]; n == nil || !n.dir {
		return fail(SyncDir, name, fs.ErrNotExist)
	}
	p.disk.names.sync(name)
	return err
}

// List is disk.Disk.List.
func (p *Process) List(name string) ([]string, error) {
	name = path.Clean(name)
	done, err := p.begin(List, name)
	defer done()
	if err != nil {
		return nil, err
	}
	if n := p.disk.names.seen[name]; n == nil || !n.dir {
		return nil, fail(List, name, fs.ErrNotExist)
	}
	return p.disk.names.list(name), nil
}

// Stat is disk.Disk.Stat.
func (p *Process) Stat(name string) (disk.Info, error) {
	name = path.Clean(name)
	done, err := p.begin(Stat, name)
	defer done()
	if err != nil {
		return disk.Info{}, err
	}
	n := p.disk.names.seen[name]
	if n == nil {
		return disk.Info{}, fail(Stat, name, fs.ErrNotExist)
	}
	mode := n.mode
	if n.dir {
		mode |= fs.ModeDir
	}
	return disk.Info{Size: int64(len(n.cache)), Mode: mode, Identity: fmt.Sprintf("node %d", n.id)}, nil
}

// Lock is disk.Disk.Lock.
func (p *Process) Lock(name string) (io.Closer, error) {
	name = path.Clean(name)
	done, err := p.begin(Lock, name)
	defer done()
	if err != nil {
		return nil, err
	}
	if p.disk.holders[name] != nil {
		return nil, fail(Lock, name, disk.ErrLocked)
	}
	if p.disk.names.seen[name] == nil {
		if dir := p.disk.names.seen[path.Dir(name)]; dir == nil || !dir.dir {
			return nil, fail(Lock, name, fs.ErrNotExist)
		}
		p.disk.names.change("", name, p.disk.newNode(0o600))
	}
	l := &lock{process: p, path: name}
	p.disk.holders[name] = l
	p.locks = append(p.locks, l)
	return l, nil
}
