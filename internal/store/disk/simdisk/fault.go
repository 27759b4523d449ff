package simdisk

import (
	"errors"
	"io/fs"
	"path"
	"syscall"
)

type Kind string

// The kinds of operation, which are the methods of disk.Disk and disk.File.
const (
	Open    Kind = "open"
	Create  Kind = "create"
	Rename  Kind = "rename"
	Remove  Kind = "remove"
	Mkdir   Kind = "mkdir"
	SyncDir Kind = "syncdir"
	List    Kind = "list"
	Stat    Kind = "stat"
	Lock    Kind = "lock"
	Read    Kind = "read"
	Write   Kind = "write"
	Sync    Kind = "sync"
)

// Op is an operation that is about to happen.
type Op struct {
	// N counts the operations of the disk from 1.
	N    int
	Kind Kind
	Path string
}

// Fault is called before each operation. An error that it returns is what the operation returns: a write may have
// written a part by then, a sync has lost what it should have made durable. ErrOff stops the machine in the middle of
// the operation, which may have had its effect or a part of it. A Fault may take its time, which makes the disk slow.
// It must not use the disk.
type Fault func(Op) error

// do has an operation happen, in whole or not at all: when a fault stops the machine, with even odds.
func (p *Process) do(kind Kind, name string, op func(*Disk) error) error {
	return p.try(kind, name, func(d *Disk, fault error) error {
		if fault != nil && !d.halfway() {
			return fault
		}
		if err := op(d); err != nil {
			return fail(kind, name, err)
		}
		return fault
	})
}

// try has an operation happen that may also happen in part: it is given the error of the fault that strikes it.
func (p *Process) try(kind Kind, name string, op func(d *Disk, fault error) error) error {
	d := p.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if p.dead || d.off {
		return fail(kind, name, ErrOff)
	}
	d.ops++
	if d.limits.ReadOnly && changes(kind) {
		return fail(kind, name, syscall.EROFS)
	}
	var fault error
	if d.fault != nil {
		fault = d.fault(Op{N: d.ops, Kind: kind, Path: path.Clean(name)})
	}
	if fault != nil {
		d.off = errors.Is(fault, ErrOff)
		fault = fail(kind, name, fault)
	}
	return op(d, fault)
}

// halfway tells whether an operation that a fault has struck has its effect all the same.
func (d *Disk) halfway() bool { return d.off && d.rng.IntN(2) == 0 }

func changes(k Kind) bool {
	switch k {
	case Create, Rename, Remove, Mkdir, Lock, Write:
		return true
	}
	return false
}

func fail(kind Kind, path string, err error) error {
	return &fs.PathError{Op: string(kind), Path: path, Err: err}
}
