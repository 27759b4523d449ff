package usage_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reevenet/reeve/internal/store/usage"
)

// write makes a file of so many bytes.
func write(t *testing.T, path string, size int) {
	t.Helper()
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
}

// deep makes directories in one another, in steps: a path of that length is no path.
func deep(t *testing.T, dir string, levels int) {
	t.Helper()
	at, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	for ; err == nil && levels > 0; levels-- {
		if err = unix.Mkdirat(at, "d", 0o700); err != nil {
			break
		}
		var next int
		next, err = unix.Openat(at, "d", unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		unix.Close(at)
		at = next
	}
	unix.Close(at)
	if err != nil {
		t.Fatal(err)
	}
}

// check looks at a directory, and at what this process has open.
func check(dir string, limit usage.Limit) error {
	return usage.Check([]string{dir}, []int{os.Getpid()}, uint32(os.Getuid()), limit)
}

func TestMoreThanTheLimitIsFoundWhereverItIs(t *testing.T) {
	mib := usage.Limit{Bytes: 1 << 20, Entries: 200}
	for what, c := range map[string]struct {
		fill func(t *testing.T, dir string)
		says string // empty: it is within the limit
	}{
		"nothing":      {func(*testing.T, string) {}, ""},
		"a small file": {func(t *testing.T, dir string) { write(t, dir+"/f", 4096) }, ""},
		"a hole": {func(t *testing.T, dir string) {
			write(t, dir+"/f", 0)
			if err := os.Truncate(dir+"/f", 1<<40); err != nil {
				t.Fatal(err)
			}
		}, ""},
		"a large file": {func(t *testing.T, dir string) { write(t, dir+"/f", 2<<20) }, "more than 1 MiB"},
		"files in directories": {func(t *testing.T, dir string) {
			for i := range 9 {
				sub := fmt.Sprint(dir, "/", i)
				if err := os.Mkdir(sub, 0o700); err != nil {
					t.Fatal(err)
				}
				write(t, sub+"/f", 128<<10)
			}
		}, "more than 1 MiB"},
		"a file that was removed and is open": {func(t *testing.T, dir string) {
			write(t, dir+"/f", 2<<20)
			f, err := os.Open(dir + "/f")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			os.Remove(dir + "/f")
		}, "more than 1 MiB"},
		"directories in one another": {func(t *testing.T, dir string) { deep(t, dir, 70) }, "more than 64 deep"},
		"a link to the whole disk":   {func(t *testing.T, dir string) { os.Symlink("/", dir+"/all") }, ""},
		"many files": {func(t *testing.T, dir string) {
			for i := range 201 {
				write(t, fmt.Sprint(dir, "/", i), 0)
			}
		}, "more than 200 files"},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			c.fill(t, dir)
			err := check(dir, mib)
			var excess *usage.ExcessError
			if c.says == "" && err != nil || c.says != "" && (!errors.As(err, &excess) || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("got %v", err)
			}
			if err := check(dir, usage.Limit{}); err != nil && !strings.Contains(c.says, "deep") {
				t.Errorf("without a limit: %v", err)
			}
		})
	}
}

// as has this goroutine look at files as another user does.
func as(t *testing.T, uid int) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	runtime.LockOSThread()
	setfsuid := func(uid int) { unix.RawSyscall(unix.SYS_SETFSUID, uintptr(uid), 0, 0) }
	setfsuid(uid)
	t.Cleanup(func() { setfsuid(0); runtime.UnlockOSThread() })
}

func TestADirectoryThatIsClosedToAllIsTooMuchAndIsRemovedAllTheSame(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	const uid = 12345
	as(t, uid)
	for _, name := range []string{"/all", "/all/inner", "/all/inner/most"} {
		if err := os.Mkdir(dir+name, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, dir+name+"/f", 10)
	}
	for _, name := range []string{"/all/inner/most", "/all/inner", "/all"} {
		if err := os.Chmod(dir+name, 0); err != nil {
			t.Fatal(err)
		}
	}
	err := usage.Check([]string{dir}, nil, uid, usage.Limit{})
	if err == nil || !strings.Contains(err.Error(), "nobody look") {
		t.Errorf("it was looked into: %v", err)
	}
	if err := usage.Check([]string{dir}, nil, uid+1, usage.Limit{}); err != nil {
		t.Errorf("another's directory is counted: %v", err)
	}
	if err := usage.Remove(dir + "/all"); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir + "/all"); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestWhatIsDeepOrLargeIsRemovedWithFewDescriptors(t *testing.T) {
	var has unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &has); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "left")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	deep(t, dir, 1000)
	for i := range 300 {
		write(t, fmt.Sprint(dir, "/", i), 0)
	}
	outside := t.TempDir()
	if err := errors.Join(os.Chmod(outside, 0o755), os.Symlink(outside, dir+"/all")); err != nil {
		t.Fatal(err)
	}
	few := has
	few.Cur = 30
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	err := usage.Remove(dir)
	if bad := unix.Setrlimit(unix.RLIMIT_NOFILE, &has); bad != nil {
		t.Fatal(bad)
	}
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	if info, err := os.Stat(outside); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("what a link leads to is %v, %v", info, err)
	}
	if err := usage.Remove(dir); err != nil {
		t.Errorf("what isn't there: %v", err)
	}
	file := filepath.Join(outside, "f")
	write(t, file, 1)
	link := filepath.Join(outside, "l")
	if err := os.Symlink("..", link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, file} {
		if err := usage.Remove(path); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
}
