package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/disk/disktest"
)

func TestOSKeepsTheContract(t *testing.T) {
	disktest.Run(t, func(t *testing.T) (disk.Disk, disk.Disk, string) { return disk.OS{}, disk.OS{}, t.TempDir() })
}

func TestFullDiskIsENOSPC(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small tmpfs takes root")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })

	path := filepath.Join(dir, "a")
	if err := disk.Replace(disk.OS{}, path, make([]byte, 900<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	err := disk.Replace(disk.OS{}, path, make([]byte, 901<<10), 0o600)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("replacing on a full disk: %v", err)
	}
	if old, err := disk.ReadFile(disk.OS{}, path, 1<<20); len(old) != 900<<10 {
		t.Fatalf("the old content is gone: %d bytes, %v", len(old), err)
	}

	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, "size=1m"); err != nil {
		t.Fatal(err)
	}
	if _, err := (disk.OS{}).OpenWrite(path); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("writing on a read-only disk: %v", err)
	}
}
