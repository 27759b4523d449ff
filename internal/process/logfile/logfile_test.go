package logfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func total(t *testing.T, path string) (bytes int64, files int) {
	t.Helper()
	list, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes, len(list)
}

func TestALogStaysWithinItsBoundHoweverMuchIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "part.log")
	limit, turns := Limit{Size: 1000, Older: 2}, 0
	f, err := Open(path, limit, func(*os.File) { turns++ })
	if err != nil {
		t.Fatal(err)
	}
	for i := range 500 {
		fmt.Fprintf(f, "line %3d %s\n", i, strings.Repeat(".", 50))
		if size, files := total(t, path); size > 3000 || files > 3 {
			t.Fatalf("%d bytes in %d files", size, files)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, files := total(t, path); files != 3 || turns < 25 {
		t.Errorf("%d files, set aside %d times", files, turns)
	}
	newest, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(newest, []byte("line 499")) {
		t.Errorf("the newest line is gone: %s, %v", newest, err)
	}
}

func TestALogGoesOnWhereItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.log")
	for _, line := range []string{"first\n", "second\n"} {
		f, err := Open(path, Default, nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(f, line)
		f.Close()
	}
	if text, err := os.ReadFile(path); string(text) != "first\nsecond\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestWhoWritesIsNotStoppedByADiskAndReadsHowMuchIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.log")
	f, err := Open(path, Default, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no device that is always full")
	}
	own := f.file
	f.file = full
	if n, err := f.Write([]byte("lost\n")); n != 5 || err != nil {
		t.Fatal(n, err)
	}
	f.file = own
	full.Close()
	fmt.Fprintln(f, "kept")
	if text, err := os.ReadFile(path); !strings.Contains(string(text), "5 bytes are left out") ||
		!strings.Contains(string(text), "kept") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestWhereNamesCanNotBeChangedTheBoundHoldsAllTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "part.log")
	if err := os.MkdirAll(filepath.Join(path+".1", "full"), 0o755); err != nil { // nothing can take its name
		t.Fatal(err)
	}
	f, err := Open(path, Limit{Size: 1000, Older: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 100 {
		fmt.Fprintln(f, strings.Repeat(".", 99))
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 1000 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
}
