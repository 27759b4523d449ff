// Package disktest is the contract of disk.Disk as a test suite. Every implementation runs it; only tests import it.
package disktest

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"

	"github.com/reevenet/reeve/internal/store/disk"
)

// Run checks a disk. Each test gets an empty directory of its own from fresh, and a second view of the same disk, as
// another process has it.
func Run(t *testing.T, fresh func(t *testing.T) (d, other disk.Disk, dir string)) {
	for _, c := range []struct {
		name string
		test func(*testing.T, disk.Disk, disk.Disk, string)
	}{
		{"what is written can be read, by all", writeAndRead},
		{"a file is created once", createOnce},
		{"what isn't there can't be opened", absent},
		{"a file opened for reading can't be written", readOnly},
		{"renaming replaces", renaming},
		{"names are listed in order", listing},
		{"a lock has one holder", locking},
		{"a file keeps its identity, a copy has another", identity},
		{"replacing leaves one file with the new content", replacing},
		{"a file over the limit isn't read", limit},
		{"directories are made with their parents", directories},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, other, dir := fresh(t)
			c.test(t, d, other, dir)
		})
	}
}

func writeAndRead(t *testing.T, d, other disk.Disk, dir string) {
	path := filepath.Join(dir, "a")
	f := create(t, d, path)
	write(t, f, "hello", 0)
	write(t, f, "J", 0)
	write(t, f, "!", 7)
	ok(t, f.Sync())
	if size, err := f.Size(); size != 8 || err != nil {
		t.Errorf("the file has %d bytes (%v), want 8", size, err)
	}
	ok(t, f.Close())
	if got := read(t, other, path); got != "Jello\x00\x00!" {
		t.Errorf("read %q", got)
	}
	if _, err := f.WriteAt([]byte("x"), 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("writing to a closed file: %v", err)
	}
}

func createOnce(t *testing.T, d, other disk.Disk, dir string) {
	path := filepath.Join(dir, "a")
	ok(t, create(t, d, path).Close())
	if _, err := other.Create(path, 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("creating it again: %v", err)
	}
	info, err := d.Stat(path)
	if err != nil || info.Mode.Perm() != 0o600 || info.Mode.IsDir() {
		t.Errorf("stat: %+v, %v", info, err)
	}
}

func absent(t *testing.T, d, _ disk.Disk, dir string) {
	path := filepath.Join(dir, "no", "such")
	_, opened := d.Open(path)
	_, edited := d.OpenWrite(path)
	_, created := d.Create(path, 0o600)
	_, statted := d.Stat(path)
	_, listed := d.List(path)
	_, locked := d.Lock(path)
	for i, err := range []error{
		opened, edited, created, statted, listed, locked, d.Remove(path), d.Rename(path, path+"2"), d.SyncDir(path),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("operation %d on what isn't there: %v", i, err)
		}
	}
}

func readOnly(t *testing.T, d, _ disk.Disk, dir string) {
	path := filepath.Join(dir, "a")
	ok(t, create(t, d, path).Close())
	f, err := d.Open(path)
	ok(t, err)
	defer f.Close()
	if _, err := f.WriteAt([]byte("x"), 0); err == nil {
		t.Error("a file opened for reading was written")
	}
}

func renaming(t *testing.T, d, other disk.Disk, dir string) {
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for _, path := range []string{a, b} {
		f := create(t, d, path)
		write(t, f, path, 0)
		ok(t, f.Close())
	}
	ok(t, d.Rename(a, b))
	ok(t, d.SyncDir(dir))
	if got := read(t, other, b); got != a {
		t.Errorf("b holds %q, want what a held", got)
	}
	if _, err := d.Stat(a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a is still there: %v", err)
	}
}

func listing(t *testing.T, d, _ disk.Disk, dir string) {
	for _, name := range []string{"c", "a", "b"} {
		ok(t, create(t, d, filepath.Join(dir, name)).Close())
	}
	ok(t, d.Remove(filepath.Join(dir, "b")))
	names, err := d.List(dir)
	if err != nil || !slices.Equal(names, []string{"a", "c"}) {
		t.Errorf("listed %q, %v", names, err)
	}
}

func locking(t *testing.T, d, other disk.Disk, dir string) {
	path := filepath.Join(dir, "lock")
	held, err := d.Lock(path)
	ok(t, err)
	for _, view := range []disk.Disk{d, other} {
		if _, err := view.Lock(path); !errors.Is(err, disk.ErrLocked) {
			t.Errorf("a second lock: %v", err)
		}
	}
	ok(t, held.Close())
	again, err := other.Lock(path)
	ok(t, err)
	ok(t, again.Close())
}

func identity(t *testing.T, d, other disk.Disk, dir string) {
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	ok(t, create(t, d, a).Close())
	before := stat(t, d, a)
	ok(t, d.Rename(a, b))
	if after := stat(t, other, b); after != before {
		t.Errorf("renaming changed the identity from %q to %q", before, after)
	}
	ok(t, create(t, d, a).Close())
	if twin := stat(t, d, a); twin == before {
		t.Errorf("two files share the identity %q", twin)
	}
}

func replacing(t *testing.T, d, other disk.Disk, dir string) {
	path := filepath.Join(dir, "a")
	for _, content := range []string{"first", "second"} {
		ok(t, disk.Replace(d, path, []byte(content), 0o600))
		if got := read(t, other, path); got != content {
			t.Errorf("read %q, want %q", got, content)
		}
	}
	names, err := d.List(dir)
	if err != nil || len(names) != 1 {
		t.Errorf("left behind: %q, %v", names, err)
	}
}

func limit(t *testing.T, d, _ disk.Disk, dir string) {
	path := filepath.Join(dir, "a")
	ok(t, disk.Replace(d, path, make([]byte, 10), 0o600))
	if _, err := disk.ReadFile(d, path, 9); err == nil {
		t.Error("10 bytes were read with a limit of 9")
	}
}

func directories(t *testing.T, d, other disk.Disk, dir string) {
	deep := filepath.Join(dir, "x", "y")
	ok(t, d.MkdirAll(deep, 0o700))
	ok(t, d.MkdirAll(deep, 0o700))
	ok(t, create(t, d, filepath.Join(deep, "a")).Close())
	if info, err := other.Stat(deep); err != nil || !info.Mode.IsDir() {
		t.Errorf("stat: %+v, %v", info, err)
	}
}

func create(t *testing.T, d disk.Disk, path string) disk.File {
	t.Helper()
	f, err := d.Create(path, 0o600)
	ok(t, err)
	return f
}

func write(t *testing.T, f io.WriterAt, s string, off int64) {
	t.Helper()
	if n, err := f.WriteAt([]byte(s), off); n != len(s) || err != nil {
		t.Fatalf("wrote %d of %d bytes: %v", n, len(s), err)
	}
}

func read(t *testing.T, d disk.Disk, path string) string {
	t.Helper()
	b, err := disk.ReadFile(d, path, 1<<20)
	ok(t, err)
	return string(b)
}

func stat(t *testing.T, d disk.Disk, path string) string {
	t.Helper()
	info, err := d.Stat(path)
	ok(t, err)
	return info.Identity
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
