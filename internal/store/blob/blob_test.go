package blob

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// TestMain runs the helper of the crash test when it is told to.
func TestMain(m *testing.M) {
	if dir := os.Getenv("BLOB_TEST_WRITE_TO"); dir != "" {
		writeForEver(dir)
	}
	os.Exit(m.Run())
}

func open(t testing.TB, dir string) *Dir {
	t.Helper()
	s, err := Open(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s Store, b []byte) Ref {
	t.Helper()
	ref, err := s.Put("test", b, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestWhatOneProcessPutsAnotherGetsWholeOrInPart(t *testing.T) {
	dir := t.TempDir()
	one, other := open(t, dir), open(t, dir)
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 10_000).Draw(t, "bytes")
		ref, err := one.Put("one", b, time.Hour)
		if err != nil || ref != (Ref{primitives.HashOf(b), uint64(len(b))}) {
			t.Fatal(ref, err)
		}
		from := rapid.IntRange(0, len(b)).Draw(t, "from")
		to := rapid.IntRange(from, len(b)).Draw(t, "to")
		v, err := other.Get(ref, uint64(from), int64(to-from))
		if err != nil || !bytes.Equal(v.Bytes(), b[from:to]) {
			t.Fatal(err)
		}
		for range 2 {
			if err := v.Close(); err != nil || v.Bytes() != nil {
				t.Fatal("a view is closed once and for all")
			}
		}
		rest, err := other.Get(ref, uint64(from), -1)
		if err != nil || !bytes.Equal(rest.Bytes(), b[from:]) {
			t.Fatal(err)
		}
		rest.Close()
		if _, err := other.Get(ref, uint64(from), int64(len(b)-from+1)); !errors.Is(err, ErrRange) {
			t.Fatal(err)
		}
	})
}

func TestLiesAboutSizeAndRange(t *testing.T) {
	s := open(t, t.TempDir())
	ref := put(t, s, []byte("hello"))
	for _, c := range []struct {
		ref    Ref
		offset uint64
		n      int64
		want   error
	}{
		{ref, 6, 0, ErrRange}, {ref, 1 << 63, 1 << 62, ErrRange}, {ref, 6, -1, ErrRange},
		{Ref{ref.Hash, 4}, 0, -1, ErrRange}, {Ref{ref.Hash, 1 << 60}, 0, -1, ErrRange},
		{Ref{primitives.HashOf([]byte("other")), 5}, 0, -1, ErrMissing},
	} {
		if v, err := s.Get(c.ref, c.offset, c.n); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, %v", c, v, err)
		}
	}
	if v, err := s.Get(ref, 0, -1); err != nil || string(v.Bytes()) != "hello" {
		t.Errorf("a lie about a blob has cost us the blob: %v", err)
	}
}

func TestTooLargeIsRefusedAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Config{Dir: dir, Limits: Limits{MaxSize: 10}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Put("test", make([]byte, 11), time.Hour); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 { // the directory of the leases
		t.Errorf("left behind: %v", left)
	}
}

// A power failure may leave any prefix, zeroes or garbage under the final name, since nothing is synced. Every damage
// is found by a process that has not checked the file, and putting it again mends it.
func TestWhatAPowerFailureDamagedCountsAsMissing(t *testing.T) {
	good := bytes.Repeat([]byte("content "), 1000)
	for name, damage := range map[string][]byte{
		"empty": {}, "cut": good[:100], "zeroes": make([]byte, len(good)),
		"longer":  append(append([]byte{}, good...), 'x'),
		"one bit": append([]byte{good[0] ^ 1}, good[1:]...),
	} {
		dir := t.TempDir()
		ref := put(t, open(t, dir), good)
		path := filepath.Join(dir, ref.Hash.String())
		if err := errors.Join(os.Remove(path), os.WriteFile(path, damage, 0o400)); err != nil {
			t.Fatal(err)
		}
		after := open(t, dir)
		if _, err := after.Get(ref, 0, -1); !errors.Is(err, ErrMissing) {
			t.Errorf("%s: %v", name, err)
		}
		put(t, after, good)
		if v, err := after.Get(ref, 0, -1); err != nil || !bytes.Equal(v.Bytes(), good) {
			t.Errorf("%s: not mended: %v", name, err)
		}
	}
}

func writeForEver(dir string) {
	s, err := Open(Config{Dir: dir})
	for n := 0; err == nil; n++ {
		if _, err = s.Put("writer", bytes.Repeat([]byte{byte(n), byte(n >> 8)}, 200_000), time.Hour); n == 3 {
			fmt.Println("going")
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// A process that is killed while it writes leaves whole blobs and unfinished files that a sweep takes, and nothing
// between.
func TestAKilledWriterLeavesNoHalfBlob(t *testing.T) {
	dir := t.TempDir()
	for range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "BLOB_TEST_WRITE_TO="+dir)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed, and says so
	}
	ran := time.Duration(0)
	s, err := Open(Config{Dir: dir, Elapsed: func() time.Duration { return ran }})
	if err != nil {
		t.Fatal(err)
	}
	files, _ := os.ReadDir(dir)
	whole := 0
	for _, f := range files {
		var h primitives.Hash
		if strings.HasPrefix(f.Name(), temporary) || h.UnmarshalText([]byte(f.Name())) != nil {
			continue
		}
		if _, err := s.Get(Ref{h, 400_000}, 0, -1); err != nil {
			t.Errorf("%s: %v", f.Name(), err)
		}
		whole++
	}
	ran = 75 * time.Minute
	put(t, s, []byte("whoever puts next sweeps"))
	left, _ := filepath.Glob(filepath.Join(dir, temporary+"*"))
	if whole == 0 || len(left) != 0 {
		t.Errorf("%d whole blobs, left %v", whole, left)
	}
}

const five = 5 << 20

func payload() []byte { return bytes.Repeat([]byte("0123456789abcdef"), five/16) }

var sink byte

// touch reads one byte of every page, as a decoder would at least.
func touch(b []byte) {
	for i := 0; i < len(b); i += 4096 {
		sink ^= b[i]
	}
}

func BenchmarkMemoryCopyOf5MiB(b *testing.B) {
	from, to := payload(), make([]byte, five)
	b.SetBytes(five)
	for b.Loop() {
		copy(to, from)
		touch(to)
	}
}

// The receiver's side of a hand-over, when its process has checked the hash before.
func BenchmarkGetOf5MiB(b *testing.B) {
	s := open(b, b.TempDir())
	ref := put(b, s, payload())
	b.SetBytes(five)
	for b.Loop() {
		v, err := s.Get(ref, 0, -1)
		if err != nil {
			b.Fatal(err)
		}
		touch(v.Bytes())
		v.Close()
	}
}

func BenchmarkFirstGetOf5MiB(b *testing.B) {
	s := open(b, b.TempDir())
	ref := put(b, s, payload())
	b.SetBytes(five)
	for b.Loop() {
		s.note(ref.Hash, false)
		v, err := s.Get(ref, 0, -1)
		if err != nil {
			b.Fatal(err)
		}
		touch(v.Bytes())
		v.Close()
	}
}

func BenchmarkPutOf5MiB(b *testing.B) {
	s := open(b, b.TempDir())
	p := payload()
	b.SetBytes(five)
	for n := 0; b.Loop(); n++ {
		p[0], p[1], p[2] = byte(n), byte(n>>8), byte(n>>16)
		ref := put(b, s, p)
		os.Remove(s.path(ref.Hash))
	}
}
