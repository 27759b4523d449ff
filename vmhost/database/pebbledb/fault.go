package pebbledb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/vmhost/database"
)

// The room on the disk, in bytes.
const (
	// HardReserve is the room below which the store refuses: the rest is for those who have to write down why they
	// stop, and for what the store was doing.
	HardReserve = 64 << 20
	// SoftReserve and softShare of the whole are the room below which that is said.
	SoftReserve = 512 << 20
	softShare   = 50 // a 50th: 2 %
)

// damage is what no other try mends.
type damage struct {
	file string
	err  error
}

func (e *damage) Error() string { return fmt.Sprintf("%s is damaged: %v", e.file, e.err) }
func (e *damage) Unwrap() error { return e.err }

// damaged is the sentence for a person.
func damaged(dir string, err error) error {
	return errcode.New(errcode.DataDamaged,
		"Restore it, or stop the node, remove that directory and start it: it fetches the blocks from the others again.",
		err, "the chain's database in %s is damaged", dir)
}

// isFault tells a disk that doesn't do its work from everything else that can be wrong.
func isFault(err error) bool {
	var fault *database.FaultError
	var number syscall.Errno
	return !isDamage(err) && !errors.Is(err, fs.ErrNotExist) && (errors.As(err, &fault) || errors.As(err, &number))
}

func isDamage(err error) bool {
	var d *damage
	var readable *errcode.Error
	return errors.As(err, &d) || err != nil && pebble.IsCorruptionError(err) ||
		errors.As(err, &readable) && readable.ID == errcode.DataDamaged
}

// told has the life end for an error of a read or a write that says that something is damaged, and gives the error
// that the caller gets.
func (d *DB) told(l *life, err error) error {
	switch {
	case err == nil, errors.Is(err, pebble.ErrNotFound):
		return err
	case pebble.IsCorruptionError(err):
		l.end(&damage{file: "a file in " + d.cfg.Dir, err: err})
		return fmt.Errorf("database: damaged: %w", err)
	}
	return fmt.Errorf("database: %w", err)
}

// roomLeft says when there is too little, or soon will be. A disk that doesn't tell has room.
func (d *DB) roomLeft() error {
	u, err := d.disk.GetDiskUsage(d.cfg.Dir)
	switch {
	case err != nil:
		return nil //nolint:nilerr // it has room, then
	case u.AvailBytes < d.cfg.Reserve:
		err := fmt.Errorf("%s has %d MiB left, and %d are kept free: make room: %w", d.cfg.Dir, u.AvailBytes>>20,
			d.cfg.Reserve>>20, syscall.ENOSPC)
		d.state.little(err.Error())
		return err
	case u.AvailBytes < SoftReserve || u.AvailBytes < u.TotalBytes/softShare:
		d.state.little(fmt.Sprintf("%s has %d MiB left, and below %d MiB the node stops: make room", d.cfg.Dir,
			u.AvailBytes>>20, d.cfg.Reserve>>20))
	default:
		d.state.little("")
	}
	return nil
}

func (d *DB) onSlow(i vfs.DiskSlowInfo) {
	d.state.slow(fmt.Sprintf("%s of %s took %.0f s", i.OpType, i.Path, i.Duration.Seconds()))
}

// noteName is the file in which damage is noted: what is damaged may be read again only much later.
const noteName = "DAMAGED"

func note(disk vfs.FS, dir string, why error) {
	f, err := disk.Create(filepath.Join(dir, noteName), vfs.WriteCategoryUnspecified)
	if err != nil {
		return // the next process finds the damage itself
	}
	_, _ = io.WriteString(f, why.Error())
	_, _ = f.Sync(), f.Close()
}

// noted is why an earlier process has found the directory damaged.
func noted(disk vfs.FS, dir string) string {
	f, err := disk.Open(filepath.Join(dir, noteName))
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, 4096))
	return string(text) + " (noted in " + filepath.Join(dir, noteName) + ")"
}
