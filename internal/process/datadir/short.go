package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// fallback is where temporary files go when TMPDIR leads too deep for what is to be made there.
const fallback = "/tmp"

// ShortTemp returns a directory for temporary files in which something can be made whose path, relative to it, is at
// most more bytes long, and in all at most most: the one that TMPDIR names, or the system's when that is too long.
func ShortTemp(more, most int) (string, error) {
	dir := os.TempDir()
	if len(dir)+len("/")+more <= most {
		return dir, nil
	}
	if info, err := os.Stat(fallback); err == nil && info.IsDir() && len(fallback)+len("/")+more <= most {
		return fallback, nil
	}
	return "", fmt.Errorf("TMPDIR is %s, which has %d bytes: a socket below it would have too long a path, and there is "+
		"no %s; set TMPDIR to a directory of at most %d bytes", dir, len(dir), fallback, most-more-len("/"))
}

// shortName is the name of the short form of a run directory.
func shortName(run string) string { return "reeve-" + primitives.HashOf([]byte(run)).Short() }

// linkRun makes the short form of a run directory, in the directory for temporary files, and the link to it. A link that
// was made before stays as long as it leads to a directory of ours, whatever TMPDIR says now: somebody may be using it.
func linkRun(run string) error {
	if target, err := os.Readlink(run); err == nil && filepath.Base(target) == shortName(run) {
		if ours(target) == nil {
			return nil
		}
		if err := os.Remove(run); err != nil { // it leads nowhere: the directory was cleaned away
			return err
		}
	}
	temp, err := ShortTemp(len(shortName(run)), maxRunPath)
	if err != nil {
		return err
	}
	short := filepath.Join(temp, shortName(run))
	if err := os.MkdirAll(short, 0o700); err != nil {
		return err
	}
	if err := ours(short); err != nil {
		return err
	}
	if err := os.Symlink(short, run); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if target, err := os.Readlink(run); err != nil || target != short {
		return fmt.Errorf("%s should be a link to %s; remove it", run, short)
	}
	return nil
}

// ours makes sure that nobody else can change what is in a directory whose name anybody can guess.
func ours(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(st.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s should be a directory that only this user can enter; remove it, or set TMPDIR", dir)
	}
	return nil
}
