package supervise

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// deaths are all ways in which a process of ours can end without having decided it. die is run in the process; a signal
// comes from outside.
var deaths = []struct {
	name   string
	die    func()
	signal syscall.Signal
	cause  string
}{
	{"panic", func() { panic("the floor gave way") }, 0, "exited with code 2: panic: the floor gave way"},
	{"nil", func() { var p *os.File; *p = os.File{} }, 0, "invalid memory address or nil pointer dereference [signal SIGSEGV"},
	{"goroutine", func() { go panic("elsewhere"); select {} }, 0, "panic: elsewhere"},
	{"map", concurrentWrites, 0, "exited with code 2: fatal error: concurrent map writes"},
	{"stack", func() { debug.SetMaxStack(1 << 16); kept = overflow(0) }, 0, "fatal error: stack overflow"},
	{"deadlock", func() { select {} }, 0, "fatal error: all goroutines are asleep - deadlock!"},
	{"memory", noMemory, 0, "exited with code 2: fatal error: "},
	{"crash", func() { debug.SetTraceback("crash"); panic("with a core") }, 0, "killed by signal 6 (aborted): panic: with a core"},
	{"quit", nil, syscall.SIGQUIT, "exited with code 2: SIGQUIT: quit"},
	{"abort", nil, syscall.SIGABRT, "exited with code 2: SIGABRT: abort"},
	{"segmentation", nil, syscall.SIGSEGV, "SIGSEGV"},
	{"bus", nil, syscall.SIGBUS, "SIGBUS"},
	{"kill", nil, syscall.SIGKILL, "killed by signal 9 (killed)"},
	{"code 2", func() { os.Exit(2) }, 0, "exited with code 2"},
}

// dies is a process that dies in the given way the first time, and works from then on.
func dies(name, marker string) {
	if _, err := os.Stat(marker); err == nil {
		serve()
		return
	}
	if err := os.WriteFile(marker, nil, 0o600); err != nil {
		panic(err)
	}
	for _, d := range deaths {
		if d.name == name && d.die != nil {
			d.die()
		}
	}
	serve() // until the signal comes
}

// kept is where the results go that nobody wants.
var kept []byte

func overflow(n int) []byte {
	if n < 0 {
		return nil
	}
	return append(overflow(n+1), byte(n))
}

func concurrentWrites() {
	m := map[int]int{}
	for range 8 {
		go func() {
			for i := 0; ; i++ {
				m[i%8] = i
			}
		}()
	}
	select {}
}

func noMemory() {
	if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}); err != nil {
		panic(err)
	}
	for {
		kept = append(kept, make([]byte, 1<<26)...)
	}
}

func TestEveryDeathIsTheSameDeath(t *testing.T) {
	for _, d := range deaths {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			if d.name == "deadlock" && raced {
				t.Skip("the race detector brings cgo, and with it the runtime finds no deadlock")
			}
			g, changes := group(t)
			dir := t.TempDir()
			spec := childSpec("p", "dies", dir)
			spec.Args = []string{d.name, filepath.Join(dir, "died")}
			if err := g.Add(spec); err != nil {
				t.Fatal(err)
			}
			if d.signal != 0 {
				first := next(t, changes, Running, 0)
				awaitFile(t, spec.Args[1])
				if err := first.Process.Signal(d.signal); err != nil {
					t.Fatal(err)
				}
			}
			s := next(t, changes, Running, 1)
			if !strings.Contains(s.Cause, d.cause) {
				t.Errorf("the cause is %q, it should say %q", s.Cause, d.cause)
			}
			if strings.Contains(s.Cause, "goroutine ") || strings.Contains(s.Cause, "\n") {
				t.Errorf("the cause is more than how it began: %q", s.Cause)
			}
		})
	}
}

// A crash with a long stack, in a log that others have filled before, is still shown by how it began.
func TestTheCauseIsHowTheCrashBeganHoweverLongItsStackIs(t *testing.T) {
	o := &output{log: discard{}}
	o.look([]byte(strings.Repeat("an old line\n", 1000) + "panic: first\n\tpanic: again\n\ngoroutine 1 [running]:\n"))
	for range 10_000 {
		o.look([]byte("main.f(0x1, 0x2)\n\t/src/main.go:12 +0x1d\n"))
	}
	o.look([]byte(strings.Repeat("x", 10*maxLine)))
	if len(o.rest) != maxLine {
		t.Errorf("%d bytes of a line are kept", len(o.rest))
	}
	o.done = make(chan struct{})
	close(o.done)
	if lines := o.lines(); lines[0] != "panic: first" {
		t.Errorf("the first line is %q", lines[0])
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
