package process

import (
	"io"
	"os"
	"path/filepath"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/store/disk"
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

// runDir is one plugin's directory for sockets, which only this user can enter. It is locked while its host lives, so
// that a directory that a killed host has left behind is known by its open lock, and removed by the next one.
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

func takeLock(dir string) (io.Closer, error) { return disk.OS{}.Lock(filepath.Join(dir, lockFile)) }

// removeLeft removes directories whose hosts are gone. One without a lock is being made.
func removeLeft(base string) {
	locks, _ := filepath.Glob(filepath.Join(base, dirPrefix+"*", lockFile))
	for _, file := range locks {
		dir := filepath.Dir(file)
		if lock, err := takeLock(dir); err == nil {
			(&runDir{path: dir, lock: lock}).remove()
		}
	}
}
