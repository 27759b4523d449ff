package proc

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
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
