package pebbledb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"golang.org/x/sys/unix"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/vmhost/database"
)

// ill is a disk of which a test says what it does.
type ill struct {
	changes atomic.Int64
	verdict atomic.Pointer[func(n int64, op errorfs.Op) error]
}

func (i *ill) String() string { return "what the test says" }

// MaybeError is errorfs.Injector.
func (i *ill) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsRead {
		return nil
	}
	n := i.changes.Add(1)
	if f := i.verdict.Load(); f != nil {
		return (*f)(n, op)
	}
	return nil
}

func (i *ill) set(f func(n int64, op errorfs.Op) error) { i.verdict.Store(&f) }

// store is a small one on that disk: a few batches fill a table.
func store(t *testing.T, i *ill) *DB {
	t.Helper()
	return storeIn(t, Config{Dir: "/db", FS: errorfs.Wrap(vfs.NewMem(), i)})
}

func storeIn(t *testing.T, c Config) *DB {
	t.Helper()
	c.Log, c.memTable = nothing, 64<<10
	if c.RetryAfter == 0 {
		c.RetryAfter, c.RetryAtMost = time.Millisecond, time.Millisecond
	}
	d, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

var nothing = slog.New(slog.DiscardHandler)

func keyOf(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// put writes the n-th batch: two entries that belong together.
func put(d database.Database, n int, durability database.Durability) error {
	var b database.Batch
	b.Put(append([]byte("a"), keyOf(n)...), make([]byte, 20<<10))
	b.Put(append([]byte("b"), keyOf(n)...), keyOf(n))
	return d.Write(context.Background(), &b, durability)
}

// whole fails the test if one of the batches isn't there, or half.
func whole(t *testing.T, d database.Database, acknowledged, written int) {
	t.Helper()
	for n := range written {
		a, errA := d.Has(context.Background(), append([]byte("a"), keyOf(n)...))
		b, errB := d.Has(context.Background(), append([]byte("b"), keyOf(n)...))
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		if a != b || !a && n < acknowledged {
			t.Fatalf("batch %d of %d acknowledged ones: %v, %v", n, acknowledged, a, b)
		}
	}
}

// until waits for the disk to be so.
func until(t *testing.T, d *DB, what string, so func(database.Health) bool) database.Health {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if h := d.Health(); so(h) {
			return h
		}
	}
	t.Fatalf("never %s: %+v", what, d.Health())
	return database.Health{}
}

func well(h database.Health) bool  { return h.Fault == nil }
func fails(h database.Health) bool { return h.Fault != nil }

// Each operation of the disk in turn is the first that fails, for a while or once, in every way in which disks fail.
func TestADiskThatFailsEndsNothingLosesNothingAndTheStoreGoesOnByItself(t *testing.T) {
	faults := 0
	for _, number := range []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EROFS} {
		for at, once := int64(1), false; ; once = !once {
			struck := failFrom(t, at, once, number)
			if !struck {
				break
			}
			faults++
			if once {
				at += 5
			}
		}
	}
	t.Logf("%d faults", faults)
	if faults < 100 {
		t.Errorf("only %d faults", faults)
	}
}

// failFrom has the disk fail from an operation on, while 30 batches are written, and tells whether it came so far.
func failFrom(t *testing.T, at int64, once bool, number syscall.Errno) (struck bool) {
	disk := &ill{}
	disk.set(func(n int64, _ errorfs.Op) error {
		if n == at || n > at && !once {
			return &os.PathError{Op: "write", Path: "somewhere", Err: number}
		}
		return nil
	})
	d := store(t, disk)
	acknowledged, written := 0, 0
	for attempts := 0; written < 30; attempts++ {
		err := put(d, written, database.Durability(written%3 == 2))
		var fault *database.FaultError
		switch {
		case err == nil && written%3 == 2:
			acknowledged = written + 1
			written++
		case err == nil:
			written++
		case !errors.As(err, &fault):
			t.Fatalf("operation %d: %v", at, err)
		case !once && d.Health().Fault == nil && disk.changes.Load() < at:
			t.Fatalf("operation %d: refused, and all is well: %v", at, err)
		default: // what wasn't acknowledged is written again
			written = acknowledged
			disk.set(func(int64, errorfs.Op) error { return nil })
			until(t, d, "well again", well)
			d.Resume()
		}
		if attempts > 1000 {
			t.Fatalf("operation %d: it doesn't go on", at)
		}
	}
	disk.set(func(int64, errorfs.Op) error { return nil })
	until(t, d, "well again", well)
	for put(d, written, database.Sync) != nil {
		until(t, d, "well again", well)
		d.Resume()
	}
	struck = disk.changes.Load() >= at
	if err := d.Close(); err != nil && !errors.As(err, new(*database.FaultError)) {
		t.Fatalf("operation %d: %v", at, err)
	}
	d = storeIn(t, Config{Dir: "/db", FS: d.cfg.FS})
	whole(t, d, acknowledged, written+1)
	if err := d.Close(); err != nil {
		t.Fatalf("operation %d: %v", at, err)
	}
	return struck && at < 400
}

// passes has a fault be and pass that nobody who writes hears of, as a flush may find it.
func passes(d *DB) {
	changed := make(chan database.Health, 100)
	d.Watch(func(h database.Health) { changed <- h })
	d.mu.RLock()
	d.life.end(&os.PathError{Op: "sync", Path: "somewhere", Err: syscall.EIO})
	d.mu.RUnlock()
	for failed := false; ; {
		h := <-changed
		if failed = failed || h.Fault != nil; failed && h.Fault == nil {
			return
		}
	}
}

// A write without a sync is acknowledged, and then lost with a life of the store that ends behind its writer's back.
func TestNoWriteStandsWithoutThoseBeforeItThatAFaultMayHaveTaken(t *testing.T) {
	disk := &ill{}
	d := store(t, disk)
	for n, durability := range []database.Durability{database.Sync, database.NoSync} {
		if err := put(d, n, durability); err != nil {
			t.Fatal(err)
		}
	}
	passes(d)
	var fault *database.FaultError
	if err := put(d, 2, database.Sync); !errors.As(err, &fault) {
		t.Fatalf("a write after a gap: %v", err)
	}
	if _, err := d.Get(context.Background(), append([]byte("b"), keyOf(1)...)); !errors.As(err, &fault) {
		t.Fatalf("a read of what may be lost: %v", err)
	}
	d.Resume()
	whole(t, d, 1, 2)
	if err := put(d, 2, database.Sync); err != nil {
		t.Fatal(err)
	}
	passes(d)
	if err := put(d, 3, database.Sync); err != nil {
		t.Fatalf("nothing can have been lost: %v", err)
	}
}

func TestWhileTheDiskFailsNothingIsUnknown(t *testing.T) {
	disk := &ill{}
	d := store(t, disk)
	if err := put(d, 0, database.Sync); err != nil {
		t.Fatal(err)
	}
	snapshot, err := d.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	it := d.Iterate(context.Background(), nil, nil)
	disk.set(func(int64, errorfs.Op) error { return &os.PathError{Op: "sync", Err: syscall.EIO} })
	if err := put(d, 1, database.Sync); !errors.Is(err, syscall.EIO) {
		t.Fatalf("a write: %v", err)
	}
	h := until(t, d, "said", fails)
	if text := h.Text(); !strings.Contains(text, "/db") || !strings.Contains(text, "input/output error") {
		t.Errorf("what is said names no file and no cause: %s", text)
	}
	var fault *database.FaultError
	for _, key := range [][]byte{append([]byte("a"), keyOf(0)...), []byte("never written")} {
		_, get := d.Get(context.Background(), key)
		_, has := d.Has(context.Background(), key)
		_, batch := d.GetBatch(context.Background(), [][]byte{key, keyOf(7)})
		for i, err := range []error{get, has, batch} {
			if !errors.As(err, &fault) {
				t.Errorf("%q: read %d: %v", key, i, err)
			}
		}
	}
	_, err = d.Snapshot(context.Background())
	if !errors.As(err, &fault) {
		t.Errorf("a snapshot: %v", err)
	}
	disk.set(func(int64, errorfs.Op) error { return nil })
	until(t, d, "well again", well)
	if _, err := snapshot.Get(context.Background(), keyOf(0)); err == nil || errors.Is(err, database.ErrNotFound) {
		t.Errorf("a snapshot of before: %v", err)
	}
	for it.Next() {
		t.Error("an iterator of before goes on")
	}
	if it.Err() == nil {
		t.Error("an iterator of before ends as if it had come to its end")
	}
	if err := errors.Join(snapshot.Close(), it.Close()); err != nil {
		t.Error(err)
	}
	whole(t, d, 1, 1)
}

// Who writes learns of the fault; that the store is closed before it has been retired is no other one.
func TestAStoreIsClosedAtOnceAfterAFault(t *testing.T) {
	for n := range 200 {
		disk := &ill{}
		d := store(t, disk)
		disk.set(func(int64, errorfs.Op) error { return syscall.ENOSPC })
		if err := put(d, n, database.Sync); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatalf("store %d: %v", n, err)
		}
	}
}

func TestADiskThatFailsForGoodIsLeftToAnotherProcess(t *testing.T) {
	disk := &ill{}
	d := store(t, disk)
	disk.set(func(_ int64, op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSync && strings.HasSuffix(op.Path, ".log") {
			return &os.PathError{Op: "sync", Err: syscall.EIO}
		}
		return nil
	})
	for n := 0; !d.Health().Lost; n++ {
		_ = put(d, n, database.Sync)
		time.Sleep(time.Millisecond)
		if n > 10_000 {
			t.Fatalf("it is tried for ever: %+v", d.Health())
		}
	}
	var readable *errcode.Error
	if err := d.Health().Fault; errors.As(err, &readable) {
		t.Errorf("a disk that fails isn't damage: %v", err)
	}
}

func TestADiskThatIsSlowIsSaid(t *testing.T) {
	disk := &ill{}
	d := storeIn(t, Config{Dir: "/db", FS: errorfs.Wrap(vfs.NewMem(), disk), Slow: 50 * time.Millisecond})
	release := make(chan struct{})
	disk.set(func(_ int64, op errorfs.Op) error {
		if op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSync {
			<-release
		}
		return nil
	})
	done := make(chan error, 1)
	go func() { done <- put(d, 0, database.Sync) }()
	h := until(t, d, "said", func(h database.Health) bool { return h.Warning != "" })
	if h.Fault != nil || !strings.Contains(h.Warning, "/db/") {
		t.Errorf("%+v", h)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A disk that is full when the store is opened, and read-only later: real ones.
func TestARealDiskThatIsFullOrReadOnly(t *testing.T) {
	dir := smallDisk(t, "64m")
	cfg := Config{Dir: filepath.Join(dir, "db"), Reserve: 1, RetryAfter: time.Second, RetryAtMost: time.Second}
	d := storeIn(t, cfg)
	filler := filepath.Join(dir, "filler")
	fill := func() {
		if err := os.WriteFile(filler, make([]byte, 64<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("the disk isn't full: %v", err)
		}
	}
	n := 0
	write := func() (err error) {
		for ; err == nil; n++ {
			err = put(d, n, database.Sync)
		}
		n--
		return err
	}
	fill()
	if err := write(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("writing on a full disk: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = storeIn(t, cfg)
	if _, err := d.Get(context.Background(), keyOf(0)); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("opened on a full disk: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	until(t, d, "well again", well)
	whole(t, d, n, n)

	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, "size=64m"); err != nil {
		t.Fatal(err)
	}
	d = storeIn(t, cfg)
	if err := put(d, n, database.Sync); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("a disk that is read-only: %v", err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	until(t, d, "well again", well)
	whole(t, d, n, n)
}

func TestWithLittleRoomItIsSaidAndBelowTheReserveTheStoreRefuses(t *testing.T) {
	dir := smallDisk(t, "64m")
	d := storeIn(t, Config{Dir: filepath.Join(dir, "db"), Reserve: 16 << 20})
	h := until(t, d, "said", func(h database.Health) bool { return h.Warning != "" })
	if h.Fault != nil || !strings.Contains(h.Warning, "MiB left") {
		t.Errorf("%+v", h)
	}
	if err := put(d, 0, database.Sync); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 50<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, d, "refusing", fails)
	if err := put(d, 1, database.Sync); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("below the reserve: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	until(t, d, "well again", well)
	if err := put(d, 1, database.Sync); err != nil {
		t.Fatal(err)
	}
	whole(t, d, 2, 2)
}

func smallDisk(t *testing.T, size string) string {
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system takes root")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// A byte of each table in turn is another one. What can't be read is an error, and never absent.
func TestDamageIsNeverAbsenceAndStaysKnown(t *testing.T) {
	dir := t.TempDir()
	const batches = 40
	d := storeIn(t, Config{Dir: dir, Reserve: 1})
	for n := range batches {
		if err := put(d, n, database.Sync); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.life.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	for _, table := range tables {
		flipBytes(t, table)
	}
	d, err = Config{Dir: dir, Reserve: 1, Log: nothing, memTable: 64 << 10, RetryAtMost: time.Millisecond}.Open()
	if err != nil { // it was found before anybody has asked
		isDamaged(t, dir, database.Health{Fault: err, Lost: true})
		return
	}
	for n := range batches {
		for _, kind := range []string{"a", "b"} {
			key := append([]byte(kind), keyOf(n)...)
			if _, err := d.Get(context.Background(), key); errors.Is(err, database.ErrNotFound) {
				t.Fatalf("%q is said not to be there", key)
			}
		}
	}
	h := until(t, d, "said to be damaged", func(h database.Health) bool { return h.Lost })
	d.Close()
	isDamaged(t, dir, h)
}

// isDamaged looks at what is said of damage, now and by the next process.
func isDamaged(t *testing.T, dir string, h database.Health) {
	t.Helper()
	_, again := Open(dir, nothing)
	for _, err := range []error{h.Fault, again} {
		var readable *errcode.Error
		if !errors.As(err, &readable) || readable.ID != errcode.DataDamaged || !strings.Contains(err.Error(), ".sst") {
			t.Errorf("the damage is said as %v", err)
		}
		if errcode.Of(err) != errcode.SafetyHalt {
			t.Errorf("exit code %d of %v", errcode.Of(err), err)
		}
	}
}

func flipBytes(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 100; at < len(b)/2; at += 4096 {
		b[at] ^= 0x40
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", path, err))
	}
}
