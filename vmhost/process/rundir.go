package process

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	hostSocket = "host.sock"
	httpDir    = "http"
	lockFile   = "reeve.lock"
	// dirPrefix begins the name of each such directory, and nothing else's in a directory for temporary files.
	dirPrefix = "reeve-vm"
	// longestSocket is what the kernel takes as a unix socket's path, less what the library adds to the directory.
	longestSocket = 107 - len("/plugin-dir1234567890/plugin1234567890")
)

// runDir is one plugin's directory for sockets, which only this user can enter. It is locked while its host lives, so that a
// directory that a killed host has left behind is known by its open lock, and removed by the next one.
type runDir struct {
	path string
	lock *os.File
}

func makeRunDir(base string) (*runDir, error) {
	if base == "" || len(base)+len("/"+dirPrefix+"1234567890") > longestSocket {
		base = os.TempDir()
	}
	if err := os.MkdirAll(base, 0o700); err != nil {
		return nil, err
	}
	removeLeft(base)
	path, err := os.MkdirTemp(base, dirPrefix)
	if err != nil {
		return nil, err
	}
	d := &runDir{path: path}
	if d.lock, err = takeLock(path, os.O_CREATE); err == nil {
		err = os.Mkdir(filepath.Join(path, httpDir), 0o700)
	}
	if err != nil {
		d.remove()
		return nil, err
	}
	return d, nil
}

func (d *runDir) remove() {
	os.RemoveAll(d.path)
	if d.lock != nil {
		d.lock.Close()
	}
}

// takeLock locks a directory's lock file, or fails at once when another process holds it or there is none.
func takeLock(dir string, flags int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|flags, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// removeLeft removes directories whose hosts are gone.
func removeLeft(base string) {
	dirs, _ := filepath.Glob(filepath.Join(base, dirPrefix+"*"))
	for _, dir := range dirs {
		if lock, err := takeLock(dir, 0); err == nil {
			(&runDir{path: dir, lock: lock}).remove()
		}
	}
}
