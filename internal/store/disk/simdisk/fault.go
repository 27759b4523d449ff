package simdisk

import (
	"errors"
	"io/fs"
	"syscall"
)

// Kind is a kind of operation.
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

// Fault is called before each operation. An error that it returns is what the operation returns: a write may have written a part by
// then, a sync has lost what it should have made durable. ErrOff stops the machine in the middle of the operation, which may
// have had its effect or a part of it. A Fault may take its time, which makes the disk slow. It must not use the disk.
type Fault func(Op) error

// StopAt is the fault that stops the machine at the n-th operation of the disk.
func StopAt(n int) Fault {
	return func(op Op) error {
		if op.N >= n {
			return ErrOff
		}
		return nil
	}
}

// FailAt is the fault that makes the n-th operation fail with err, and all others succeed.
func FailAt(n int, err error) Fault {
	return func(op Op) error {
		if op.N == n {
			return err
		}
		return nil
	}
}

// begin counts an operation and asks whether it fails. The caller holds the lock.
func (d *Disk) begin(kind Kind, path string) error {
	if d.off {
		return fail(kind, path, ErrOff)
	}
	d.ops++
	if d.limits.ReadOnly && changes(kind) {
		return fail(kind, path, syscall.EROFS)
	}
	if d.fault == nil {
		return nil
	}
	err := d.fault(Op{N: d.ops, Kind: kind, Path: path})
	if err == nil {
		return nil
	}
	d.off = errors.Is(err, ErrOff)
	return fail(kind, path, &struck{err: err, off: d.off})
}

// struck is an error that a Fault made, in the middle of an operation.
type struck struct {
	err error
	off bool
}

func (s *struck) Error() string { return s.err.Error() }
func (s *struck) Unwrap() error { return s.err }

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

// halfway tells, for an operation that failed with err, whether it has its effect all the same: only when the machine stopped in
// the middle of it, and then with even odds.
func (d *Disk) halfway(err error) bool {
	var s *struck
	return errors.As(err, &s) && s.off && d.rng.IntN(2) == 0
}

// begun tells whether an operation failed in its middle, not before it began.
func begun(err error) bool {
	var s *struck
	return errors.As(err, &s)
}
