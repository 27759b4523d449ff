package process

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/usage"
)

const (
	hostSocket = "host.sock"
	httpDir    = "http"
	lockSuffix = ".lock"
	// dirPrefix begins the name of each such directory, and nothing else's in a directory for temporary files.
	dirPrefix = "reeve-vm"
	// longestSocket is what the kernel takes as a unix socket's path, less what the library adds to the directory.
	longestSocket = 107 - len("/plugin-dir1234567890/plugin1234567890")
)

// runDir is one plugin's directory for sockets, which only this user can enter. It is locked while its host lives, so
// that a directory that a killed host has left behind is known by its open lock, and removed by the next one. The lock
// is beside it, where the plugin can't reach.
type runDir struct {
	path string
	lock io.Closer
}

func makeRunDir(base string) (*runDir, error) {
	const name = dirPrefix + "1234567890"
	if base == "" || len(base)+len("/"+name) > longestSocket {
		short, err := datadir.ShortTemp(len(name), longestSocket)
		if err != nil {
			return nil, err
		}
		base = short
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
	if d.lock, err = takeLock(path); err == nil {
		err = os.Mkdir(filepath.Join(path, httpDir), 0o700)
	}
	if err != nil {
		return nil, errors.Join(err, d.remove())
	}
	return d, nil
}

// remove is for when the plugin has ended. What can't be removed keeps its lock, and another host tries again.
func (d *runDir) remove() error {
	err := usage.Remove(d.path)
	if d.lock == nil {
		return err
	}
	if err == nil {
		err = os.Remove(d.path + lockSuffix)
	}
	return errors.Join(err, d.lock.Close())
}

func takeLock(dir string) (io.Closer, error) { return disk.OS{}.Lock(dir + lockSuffix) }

// removeLeft removes directories whose hosts are gone. One without a lock is being made.
func removeLeft(base string) {
	locks, _ := filepath.Glob(filepath.Join(base, dirPrefix+"*"+lockSuffix))
	for _, file := range locks {
		dir := strings.TrimSuffix(file, lockSuffix)
		if !ours(file) {
			continue
		}
		if lock, err := takeLock(dir); err == nil {
			_ = (&runDir{path: dir, lock: lock}).remove() // the next one tries again
		}
	}
}

// ours tells whether a file is this user's: in a directory for temporary files anybody can give one that name.
func ours(file string) bool {
	var st unix.Stat_t
	return unix.Lstat(file, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Uid == uint32(os.Getuid())
}
