package signer

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reevenet/reeve/internal/core/signbytes"
)

// smallDisk mounts a real file system of 1 MiB.
func smallDisk(t *testing.T) string {
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system takes root")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// On a real disk that is full the signer refuses; when there is room again it goes on, and has forgotten nothing.
func TestARealDiskThatIsFullAndThenIsNot(t *testing.T) {
	dir := smallDisk(t)
	if _, err := Create(osConfig(dir)); err != nil {
		t.Fatal(err)
	}
	s := New(osConfig(dir))
	mustOpen(t, s)
	signed := uint64(0)
	for ; signed < 10; signed++ {
		if _, _, err := s.Sign([]signbytes.Payload{signbytes.Block{Height: signed}}); err != nil {
			t.Fatal(err)
		}
	}

	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk isn't full: %v", err)
	}
	var err error
	for err == nil { // what is left of the last page still fits
		_, _, err = s.Sign([]signbytes.Payload{signbytes.Block{Height: signed}})
		if err == nil {
			signed++
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("signing on a full disk: %v", err)
	}
	if _, err := s.Open(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("opening on a full disk: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, s)
	for h := range signed {
		answers, _, err := s.Sign([]signbytes.Payload{signbytes.Block{Height: h, Slot: 0, Time: 1}})
		if err != nil || answers[0].Err == nil {
			t.Fatalf("height %d was forgotten: %v", h, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A disk that is read-only when the signer starts.
func TestARealDiskThatIsReadOnly(t *testing.T) {
	dir := smallDisk(t)
	if _, err := Create(osConfig(dir)); err != nil {
		t.Fatal(err)
	}
	remount(t, dir, unix.MS_RDONLY)
	s := New(osConfig(dir))
	if _, err := s.Open(); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("opened: %v", err)
	}
	remount(t, dir, 0)
	mustOpen(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|flags, "size=1m"); err != nil {
		t.Fatal(err)
	}
}

func mustOpen(t *testing.T, s *Signer) {
	t.Helper()
	if _, err := s.Open(); err != nil {
		t.Fatal(err)
	}
}
