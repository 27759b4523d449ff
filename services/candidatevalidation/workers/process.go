package workers

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/services/candidatevalidation"
	"github.com/reevenet/reeve/services/candidatevalidation/job"
	"github.com/reevenet/reeve/services/candidatevalidation/sandbox"
)

// worker is one process.
type worker struct {
	child *proc.Child
	code  primitives.Hash // that it runs; zero: it prepares some
	guard string
	in    *os.File // its standard input
	out   *os.File // its standard output
	said  *tail    // its standard error output
	// breach is why it was ended; nil: it wasn't, or for no fault of its own.
	breach atomic.Pointer[string]

	runs int
	rest *time.Timer // of an idle one: when it runs out it is ended
}

// program is this one, whatever has become of its file since it was started.
const program = "/proc/self/exe"

// libraries are what a program is loaded with that isn't all in one file, as those are that the race detector is in.
var libraries = []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"}

// mostFiles is how many descriptors a worker may have.
const mostFiles = 64

func startRunning(cfg Config, code primitives.Hash, dir string) (*worker, error) {
	w, err := start(cfg, sandbox.Running, dir, proc.Paths{Read: []string{dir}})
	if w != nil {
		w.code = code
	}
	return w, err
}

func startPreparing(cfg Config, dir string) (*worker, error) {
	return start(cfg, sandbox.Preparing, dir, proc.Paths{Write: []string{dir}})
}

// start starts a worker within its bounds. A program that can't set them runs none.
func start(cfg Config, what, dir string, open proc.Paths) (*worker, error) {
	if !proc.CanConfine() {
		return nil, errors.New("this program isn't made to confine others, and code isn't run unconfined")
	}
	open.Read = append(append(open.Read, program), libraries...)
	w := &worker{said: &tail{}, guard: guard()}
	cmd := &exec.Cmd{Path: program, Args: []string{"reeve", sandbox.Command, what, dir}, Env: []string{}, Dir: "/"}
	theirs, err := w.pipes(cmd)
	defer closeAll(theirs)
	if err == nil {
		w.child, err = proc.StartConfined(cmd, proc.Confinement{Paths: &open, Memory: cfg.Memory, Files: mostFiles},
			nil)
	}
	if err != nil {
		closeAll([]*os.File{w.in, w.out})
		return nil, fmt.Errorf("a worker can't be started: %w", err)
	}
	return w, nil
}

// pipes are the worker's standard streams. What is returned is its side.
func (w *worker) pipes(cmd *exec.Cmd) (theirs []*os.File, err error) {
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	theirs, w.in = append(theirs, inRead), inWrite
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return theirs, err
	}
	theirs, w.out = append(theirs, outWrite), outRead
	errRead, errWrite, err := os.Pipe()
	if err != nil {
		return theirs, err
	}
	theirs = append(theirs, errWrite)
	w.said.follow(errRead)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inRead, outWrite, errWrite
	return theirs, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// guard says what keeps code in a worker.
func guard() string {
	said := "no landlock, no seccomp"
	switch {
	case proc.Landlock() > 0 && proc.Seccomp():
		said = fmt.Sprintf("landlock %d, seccomp", proc.Landlock())
	case proc.Seccomp():
		said = "seccomp, no landlock"
	}
	return said + ", no capabilities"
}

// discard ends it when it isn't needed any more.
func (w *worker) discard() {
	w.child.Kill()
	closeAll([]*os.File{w.in, w.out})
}

// end ends it while it has a job, and says why.
func (w *worker) end(why string) {
	w.breach.CompareAndSwap(nil, &why)
	w.child.Kill()
}

// exchange says something, if kind isn't 0, and waits for the answer, which must come within so much of the machine's
// time. The error tells that none came; lost says what that means.
func (w *worker) exchange(kind job.Kind, body []byte, most int, limit time.Duration) (job.Frame, time.Duration, error) {
	before := w.cpu()
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { w.watch(before, limit, over) })
	f, err := w.ask(kind, body, most)
	took := w.cpu() - before
	close(over)
	watching.Wait()
	if err == nil && w.breach.Load() != nil {
		err = io.ErrUnexpectedEOF // it was ended just then: whether it would have said so is chance
	}
	return f, max(took, 0), err
}

func (w *worker) ask(kind job.Kind, body []byte, most int) (job.Frame, error) {
	if kind != 0 {
		if err := job.Write(w.in, kind, body); err != nil {
			return job.Frame{}, err
		}
	}
	return job.Read(w.out, most)
}

const (
	// lookEvery is how often the worker's clock is looked at.
	lookEvery = 20 * time.Millisecond
	// wallFactor is how much longer than its own time a job may take in all, while others have the machine.
	wallFactor = 4
)

// watch ends the worker when it takes too long.
func (w *worker) watch(before, limit time.Duration, over <-chan struct{}) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	wall := time.NewTimer(limit * wallFactor)
	defer wall.Stop()
	for {
		select {
		case <-over:
			return
		case <-w.child.Exited:
			return
		case <-wall.C:
			w.end(fmt.Sprintf("it took more than %v", limit*wallFactor))
			return
		case <-tick.C:
			if w.cpu()-before > limit {
				w.end(fmt.Sprintf("it took more than %v of the processor's time", limit))
				return
			}
		}
	}
}

// cpu is how much of the machine's time it has taken; 0 when it has ended.
func (w *worker) cpu() time.Duration {
	const ofProcess = 2 // CPUCLOCK_SCHED, of the whole process
	var t unix.Timespec
	if unix.ClockGettime(int32(^w.child.PID<<3|ofProcess), &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// endLimit is how long a worker may take to end that has nothing more to say.
const endLimit = time.Second

// lost says what it means that a worker gave no answer, and ends it. A worker that this machine ended, or that had too
// little memory, was lost; of any other the code is suspected.
func (w *worker) lost(why error) candidatevalidation.Outcome {
	// It closed its streams, so it is about to end, and how tells whose doing that is.
	if !errors.Is(why, job.ErrBroken) {
		select {
		case <-w.child.Exited:
		case <-time.After(endLimit):
		}
	}
	w.discard()
	exit := w.child.Exit()
	lines := w.said.lines()
	o := candidatevalidation.Outcome{End: candidatevalidation.Crashed, Detail: exit.Explain(lines)}
	text := strings.Join(lines, "\n")
	switch breach := w.breach.Load(); {
	case breach != nil:
		o.End, o.Detail = candidatevalidation.Lost, "the worker was ended: "+*breach
	case errors.Is(why, job.ErrBroken):
		o.Detail = why.Error()
	case exit.Signal == syscall.SIGKILL && !exit.Killed, exit.Code == sandbox.NoMemory,
		strings.Contains(text, "out of memory"), strings.Contains(text, "cannot allocate memory"):
		o.End = candidatevalidation.Lost
	}
	return o
}
