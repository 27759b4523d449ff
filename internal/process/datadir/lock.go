package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/reevenet/reeve/internal/store/disk"
)

// InUse says that another process holds the directory.
type InUse struct {
	Dir string
	PID int // 0 if it couldn't be read
}

func (e *InUse) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("%s is in use by process %d", e.Dir, e.PID)
}

const lockFile = "lock"

// Lock takes the directory for this process. The kernel gives it back when the process ends, however it ends. A second
// holder is refused with InUse. release must be called once.
func Lock(dir string) (release func(), err error) {
	path := filepath.Join(dir, lockFile)
	lock, err := disk.OS{}.Lock(path)
	if errors.Is(err, disk.ErrLocked) {
		return nil, &InUse{Dir: dir, PID: readPID(path)}
	}
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return func() { lock.Close() }, nil
}

func readPID(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
