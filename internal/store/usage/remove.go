package usage

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Remove removes a file, or a directory with all that is in it, whose program has ended. What isn't there is no error.
// However deep it is, few directories are open at a time: what isn't empty is moved to the top first, and emptied there.
func Remove(path string) error {
	top, err := openForced(unix.AT_FDCWD, path)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return unlessGone(unix.Unlink(path))
	}
	if err != nil {
		return unlessGone(err)
	}
	defer top.Close()
	for left := true; left; {
		left = false
		if _, err := top.Seek(0, 0); err != nil {
			return err
		}
		err := eachName(top, func(name string) error {
			left = true
			return remove(top, name)
		})
		if err != nil {
			return err
		}
	}
	return unlessGone(unix.Rmdir(path))
}

// remove removes what has a name at the top, and moves there what such a directory holds that isn't empty.
func remove(top *os.File, name string) error {
	gone, err := unlink(top, name)
	if gone || err != nil {
		return err
	}
	dir, err := openForced(int(top.Fd()), name)
	if err != nil {
		return unlessGone(err)
	}
	defer dir.Close()
	err = eachName(dir, func(inner string) error {
		gone, err := unlink(dir, inner)
		if gone || err != nil {
			return err
		}
		if err := permit(int(dir.Fd()), inner); err != nil { // else its way to the top can't be changed
			return unlessGone(err)
		}
		return unix.Renameat(int(dir.Fd()), inner, int(top.Fd()), "left-"+rand.Text())
	})
	if err != nil {
		return err
	}
	_, err = unlink(top, name) // when it isn't empty yet it is looked at again
	return err
}

// unlink removes a file, or a directory that is empty.
func unlink(dir *os.File, name string) (gone bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return true, unlessGone(err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return true, unlessGone(unix.Unlinkat(int(dir.Fd()), name, 0))
	}
	err = unix.Unlinkat(int(dir.Fd()), name, unix.AT_REMOVEDIR)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		return false, nil
	}
	return true, unlessGone(err)
}

// openForced opens a directory, also one to which its owner has taken the right.
func openForced(dir int, name string) (*os.File, error) {
	if err := permit(dir, name); err != nil {
		return nil, err
	}
	return openDir(dir, name)
}

// permit lets its owner do all with a directory. It follows no link: the name may be another's by now.
func permit(dir int, name string) error {
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), 0o700)
}
