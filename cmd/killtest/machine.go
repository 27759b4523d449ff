package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// disk is an ext4 file system of its own in a file, whose power can be cut: it is killtest.Machine. It needs root.
type disk struct{ image, dir string }

// diskSize is room for some hundred cuts, in bytes. The file is sparse.
const diskSize = 4 << 30

func newDisk() (*disk, error) {
	work, err := os.MkdirTemp("", "reeve-cut-")
	if err != nil {
		return nil, err
	}
	d := &disk{image: filepath.Join(work, "image"), dir: filepath.Join(work, "disk")}
	err = errors.Join(os.Mkdir(d.dir, 0o700), os.WriteFile(d.image, nil, 0o600), os.Truncate(d.image, diskSize))
	if err == nil {
		err = command("mkfs.ext4", "-q", "-F", d.image)
	}
	if err == nil {
		err = d.mount()
	}
	if err != nil {
		os.RemoveAll(work)
		return nil, fmt.Errorf("a disk whose power can be cut needs Linux, root, mkfs.ext4 and loop devices: %w", err)
	}
	return d, nil
}

func command(name string, args ...string) error {
	if text, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, text)
	}
	return nil
}

func (d *disk) Settle() error {
	f, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

func (d *disk) mount() error { return command("mount", "-o", "loop", d.image, d.dir) }

// EXT4_IOC_SHUTDOWN, and its way of not even writing the journal out.
const (
	ext4Shutdown = 0x8004587D
	noLogFlush   = 2
)

// Cut is killtest.Machine.Cut: from now on every write to the file system fails, and what the kernel had not written is
// never written.
func (d *disk) Cut() error {
	f, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), ext4Shutdown, noLogFlush)
}

func (d *disk) Restore() error { return errors.Join(d.unmount(), d.mount()) }

// unmount waits for the last process to let go of it.
func (d *disk) unmount() error {
	var err error
	for range 100 {
		if err = command("umount", d.dir); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond) // the kernel tells nobody when a dead process's files are closed
	}
	return err
}

func (d *disk) remove() {
	if err := d.unmount(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	os.RemoveAll(filepath.Dir(d.image))
}
