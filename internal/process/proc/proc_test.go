package proc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestASignalReachesNobodyElse(t *testing.T) {
	me := Identify(os.Getpid())
	if !me.Alive() || Resident(me.PID) == 0 {
		t.Fatalf("I am %+v", me)
	}
	other := Identity{PID: me.PID, Started: me.Started + 1} // the pid has changed hands
	if err := other.Signal(syscall.SIGKILL); !errors.Is(err, ErrNoProcess) {
		t.Errorf("got %v", err)
	}
}

// shell starts a script and returns its standard output, which ends with the last process that has it.
func shell(t *testing.T, script string) (*Child, *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	defer write.Close()
	c, err := Start(&exec.Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Stdout: write})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	return c, read
}

func TestWhatAProcessLeavesBehindEndsWithIt(t *testing.T) {
	c, out := shell(t, "sleep 1000 &")
	if e := c.Exit(); e != (Exit{}) {
		t.Errorf("the shell ended with %+v", e)
	}
	if _, err := out.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // waits while somebody has the pipe
		t.Error(err)
	}
}

func TestAnEndSaysWhoseItWas(t *testing.T) {
	for _, c := range []struct {
		script string
		by     func(*Child)
		want   Exit
		text   string
	}{
		{"exit 3", nil, Exit{Code: 3}, "exited with code 3: the last line"},
		{"kill -9 $$", nil, Exit{Code: -1, Signal: syscall.SIGKILL}, "killed by signal 9 (killed)"},
		{"sleep 1000", (*Child).Kill, Exit{Code: -1, Signal: syscall.SIGKILL, Killed: true},
			"killed by signal 9 (killed)"},
	} {
		child, _ := shell(t, c.script)
		if c.by != nil {
			c.by(child)
		}
		got := child.Exit()
		if got != c.want || got.Explain([]string{"first", "the last line", ""}) != c.text {
			t.Errorf("%s: %+v, %s", c.script, got, got.Explain(nil))
		}
		child.Kill() // reaches nobody
	}
}

func TestTheMostTellingLineIsShown(t *testing.T) {
	for want, lines := range map[string][]string{
		"panic: x":          {"starting", "panic: x", "", "goroutine 1 [running]:"},
		"REEVE-1002: wrong": {"REEVE-1002: wrong", "see the manual"},
		"bye":               {"panic", "bye", " "},
		"":                  nil,
	} {
		if got := telling(lines); got != want {
			t.Errorf("of %q, %q is shown", lines, got)
		}
	}
}

func TestAPausedProcessIsKnown(t *testing.T) {
	c, _ := shell(t, "kill -STOP $$")
	for !c.Paused() {
		time.Sleep(time.Millisecond)
	}
	c.Signal(syscall.SIGCONT)
	c.Exit()
}

// The test binary confines what it starts, as a program of ours does. It is also a process that adopts, in
// TestWhatEscapesItsGroupEndsWithItsParent: in the tests' own process there are children that others wait for.
func TestMain(m *testing.M) {
	Confined()
	if len(os.Args) > 1 && os.Args[1] == "adopter" {
		adopter(os.Args[2])
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "sealed" {
		trySealed()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "calls" {
		tryCalls()
		return
	}
	os.Exit(m.Run())
}

// adopter runs two scripts. What the first leaves must end with it, and what the second has started stays while it lives.
func adopter(dir string) {
	if err := Adopt(); err != nil {
		panic(err)
	}
	start := func(script string) *Child {
		c, err := Start(&exec.Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Dir: dir})
		if err != nil {
			panic(err)
		}
		return c
	}
	stays := start("(sleep 1000 & echo $! > kept); echo $$ > stays; exec sleep 1000")
	// one in a session of its own, whose parent has ended; and one that ends after it was left
	first := start("setsid sh -c 'echo $$ > left; exec sleep 1000' & sleep 0.05 & while [ ! -s left ]; do :; done; kill -9 $$")
	<-first.Exited
	os.WriteFile(filepath.Join(dir, "over"), nil, 0o600)
	<-stays.Exited
}

func pidIn(t *testing.T, file string) Identity {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(file); err == nil && strings.HasSuffix(string(text), "\n") {
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			return Identify(pid)
		}
	}
	t.Fatalf("%s never comes", file)
	return Identity{}
}

func TestWhatEscapesItsGroupEndsWithItsParent(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("there is no setsid here")
	}
	dir := t.TempDir()
	c, err := Start(&exec.Cmd{Path: os.Args[0], Args: []string{"adopter", "adopter", dir}, Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	kept, left := pidIn(t, filepath.Join(dir, "kept")), pidIn(t, filepath.Join(dir, "left"))
	stays := pidIn(t, filepath.Join(dir, "stays"))
	for {
		if _, err := os.Stat(filepath.Join(dir, "over")); err == nil {
			break
		}
		select {
		case <-c.Exited:
			t.Fatal("the process that adopts has ended")
		case <-time.After(time.Millisecond):
		}
	}
	if left.Started != 0 && left.Alive() {
		t.Error("what a child has left in another session lives on")
	}
	if !kept.Alive() {
		t.Error("what a living child has started is ended")
	}
	c.Kill()
	<-c.Exited
	for limit := time.Now().Add(20 * time.Second); stays.Alive(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			stays.Signal(syscall.SIGKILL) //nolint:errcheck // not to leave it
			t.Fatal("a child outlives its parent, which was killed")
		}
	}
	if kept.Alive() {
		t.Log("the group of a killed adopter's child ends with the adopter of the adopter") // nobody adopts here
		_ = kept.Signal(syscall.SIGKILL)
	}
}

// What a caller has open, blocks and hides by chance isn't handed on.
func TestNothingIsInheritedThatWasNotGiven(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	fd, err := unix.FcntlInt(write.Fd(), unix.F_DUPFD, 3) // without close-on-exec, as a shell hands it on
	if err != nil {
		t.Fatal(err)
	}
	write.Close()
	old := syscall.Umask(0)
	KeepToSelf()
	if mask := syscall.Umask(old); mask != 0o022 {
		t.Errorf("the umask is %o", mask)
	}
	blocked := unix.Sigset_t{}
	blocked.Val[0] = 1 << (syscall.SIGTERM - 1)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &blocked, &before); err != nil {
		t.Fatal(err)
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	c, out := shell(t, "grep SigBlk /proc/self/status; exec sleep 1000")
	text := make([]byte, 100)
	n, err := out.Read(text)
	if err != nil || !strings.Contains(string(text[:n]), "SigBlk:\t0000000000000000") {
		t.Errorf("it blocks signals: %q, %v", text[:n], err)
	}
	if target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", c.PID, fd)); err == nil {
		t.Errorf("it holds %s, which it wasn't given", target)
	}
	unix.Close(fd)
	if n, err := read.Read(text); !errors.Is(err, io.EOF) { // while the child lives
		t.Errorf("%d bytes, %v", n, err)
	}
}

// A kernel without lists of children gives the same answer, from the parents of all processes.
func TestBothWaysToListChildrenAgree(t *testing.T) {
	var want []int
	for range 3 {
		c, err := Start(exec.Command("sleep", "60"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { c.Kill(); <-c.Exited }()
		want = append(want, c.PID)
	}
	slices.Sort(want)
	for _, list := range [][]int{children(), childrenAmongAll()} {
		slices.Sort(list)
		if diff := cmp.Diff(want, list); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDescendantsAreListedUpToANumber(t *testing.T) {
	dir := t.TempDir()
	c, err := Start(&exec.Cmd{Path: "/bin/sh", Dir: dir,
		Args: []string{"sh", "-c", "sleep 1000 & sh -c 'sleep 1000 & echo $! > inner; wait' & wait"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Kill()
	inner := pidIn(t, filepath.Join(dir, "inner"))
	if list := Descendants(c.PID, 10); len(list) != 4 || !slices.Contains(list, inner.PID) || list[0] != c.PID {
		t.Errorf("of %d there are %v, %d among them", c.PID, list, inner.PID)
	}
	if list := Descendants(c.PID, 2); len(list) != 2 {
		t.Errorf("of two there are %v", list)
	}
}
