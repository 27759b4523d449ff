//go:build unix && !linux

package disk

import (
	"fmt"
	"os"
	"syscall"
)

func syncData(f *os.File) error { return f.Sync() }

func identity(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("inode %d", st.Sys().(*syscall.Stat_t).Ino), nil
}
