// Package usage measures how much a program that isn't trusted has on the disk, and removes it. The program may do there
// what it likes meanwhile, and whatever it does, neither of both takes long, or many descriptors, or fails for it: it
// makes a million files, or directories that are ten thousand deep, or takes its own rights away.
package usage

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Limit is how much there may be. 0: no bound.
type Limit struct {
	Bytes   uint64 // as the disk gives them out: a hole in a file is nothing
	Entries uint64 // files and directories
}

const (
	// mostDepth is how deep directories may lie in one another: each is open while one looks into it.
	mostDepth = 64
	// batch is how many names are read at once.
	batch = 256
)

// ExcessError says what there is too much of.
type ExcessError struct{ What string }

func (e *ExcessError) Error() string { return e.What }

func excess(what string, args ...any) error { return &ExcessError{fmt.Sprintf(what, args...)} }

// tally is what was found until now.
type tally struct {
	limit          Limit
	owner          uint32
	bytes, entries uint64
}

// Check looks through files and directories, and the files without a name that the processes have open, until there is
// more than the limit: then it returns an ExcessError. A directory into which the owner of the program doesn't let
// anybody look is one, too; what belongs to others, and can't be looked into, is nothing of the program's.
func Check(paths []string, processes []int, owner uint32, limit Limit) error {
	t := &tally{limit: limit, owner: owner}
	for _, path := range paths {
		if err := t.entry(unix.AT_FDCWD, path, 0); err != nil {
			return err
		}
	}
	return t.unnamed(processes)
}

// add counts something, and says when that is too much.
func (t *tally) add(st *unix.Stat_t) error {
	t.entries++
	t.bytes += uint64(st.Blocks) * 512 // whatever the file system's blocks are
	switch {
	case t.limit.Bytes > 0 && t.bytes > t.limit.Bytes:
		return excess("more than %d MiB of files", t.limit.Bytes>>20)
	case t.limit.Entries > 0 && t.entries > t.limit.Entries:
		return excess("more than %d files and directories", t.limit.Entries)
	}
	return nil
}

// entry counts what has a name in a directory. What isn't there any more is nothing.
func (t *tally) entry(dir int, name string, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return unlessGone(err)
	}
	if err := t.add(&st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return err
	}
	if depth >= mostDepth {
		return excess("directories more than %d deep", mostDepth)
	}
	fd, err := openDir(dir, name)
	switch {
	case errors.Is(err, os.ErrPermission) && st.Uid == t.owner:
		return excess("a directory into which it lets nobody look")
	case errors.Is(err, os.ErrPermission):
		return nil
	case err != nil:
		return unlessGone(err)
	}
	defer fd.Close()
	return eachName(fd, func(name string) error { return t.entry(int(fd.Fd()), name, depth+1) })
}

// unnamed counts files that were removed while a process has them open, and those that only ever were in memory, once
// each. What a process doesn't let others see isn't counted.
func (t *tally) unnamed(processes []int) error {
	type inode struct{ device, number uint64 }
	seen := map[inode]bool{}
	for _, pid := range processes {
		fds, err := os.Open(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			continue
		}
		err = eachName(fds, func(name string) error {
			var st unix.Stat_t
			open := unix.Fstatat(int(fds.Fd()), name, &st, 0) == nil
			which := inode{st.Dev, st.Ino}
			if !open || st.Nlink > 0 || st.Mode&unix.S_IFMT != unix.S_IFREG || seen[which] {
				return nil
			}
			seen[which] = true
			return t.add(&st)
		})
		fds.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// eachName reads a directory a few names at a time, however many there are.
func eachName(dir *os.File, do func(name string) error) error {
	for {
		names, err := dir.Readdirnames(batch)
		for _, name := range names {
			if err := do(name); err != nil {
				return err
			}
		}
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return unlessGone(err)
		}
	}
}

// openDir opens a directory that isn't a link.
func openDir(dir int, name string) (*os.File, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// unlessGone is an error that isn't about something that has been removed, or replaced, since one has seen it.
func unlessGone(err error) error {
	for _, gone := range []error{unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.ESRCH} {
		if errors.Is(err, gone) {
			return nil
		}
	}
	return err
}
