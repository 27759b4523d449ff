package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	libraryrunner "github.com/hashicorp/go-plugin/runner"
	"golang.org/x/sys/unix"

	"github.com/reevenet/reeve/vmhost/handshake"
)

// runner runs the plugin for the library, which sees its standard output and nothing else of it.
type runner struct {
	launcher Launcher
	image    image
	log      *slog.Logger

	cmd    *exec.Cmd
	stdin  *os.File
	stdout *io.PipeReader
	first  firstLine
	output *output

	mu sync.Mutex
	// reaped is set when the process has ended and its number may belong to another.
	reaped bool
	// killed is set when it was we who ended it.
	killed bool
	status error
	exited chan struct{}
}

func newRunner(l Launcher, i image, log *slog.Logger) *runner {
	return &runner{launcher: l, image: i, log: log, exited: make(chan struct{}), output: newOutput(log)}
}

// forLibrary is called by the library with the environment that it wants.
func (r *runner) forLibrary(_ hclog.Logger, cmd *exec.Cmd, _ string) (libraryrunner.Runner, error) {
	env := append([]string{handshake.EnvParentPipe + "=1"}, r.launcher.Env...)
	if r.launcher.Tracing {
		env = append(env, handshake.EnvTracing+"=1")
	}
	r.cmd = &exec.Cmd{
		Path: r.image.path,
		Args: append([]string{r.launcher.Path}, r.launcher.Args...),
		Env:  append(env, cmd.Env...),
		// A group of its own: Ctrl-C on the terminal isn't for the plugin, and the group can be killed. It dies with the thread
		// that starts it, see spawn.
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}
	return r, nil
}

// Start starts the process.
func (r *runner) Start(context.Context) error {
	stdinRead, stdin, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdinRead.Close()
	stdout, stdoutWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdoutWrite.Close()
	stderr, stderrWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stderrWrite.Close()
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = stdinRead, stdoutWrite, stderrWrite
	if err := spawn(r.cmd, r.exited); err != nil {
		close(r.exited)
		for _, f := range []*os.File{stdin, stdout, stderr} {
			f.Close()
		}
		return err
	}
	r.stdin = stdin
	var out *io.PipeWriter
	r.stdout, out = io.Pipe()
	go r.first.copy(out, stdout)
	go r.output.read(stderr)
	go r.wait()
	return nil
}

// spawn starts cmd from a thread that lives until the process has ended: the kernel sends the parent-death signal when the
// *thread* that started a process ends.
func spawn(cmd *exec.Cmd, exited <-chan struct{}) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			<-exited
		}
		runtime.UnlockOSThread()
	}()
	return <-started
}

// wait notices the end at once, kills what the process has left behind in its group while its number can't belong to another, and
// only then gives the number back.
func (r *runner) wait() {
	for {
		err := unix.Waitid(unix.P_PID, r.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	r.mu.Lock()
	_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) // fails when nothing is left, which is well
	r.status = r.cmd.Wait()
	r.reaped = true
	r.mu.Unlock()
	r.output.drain(200 * time.Millisecond)
	r.stdin.Close()
	close(r.exited)
}

// kill ends the whole group.
func (r *runner) kill() { r.signal(syscall.SIGKILL) }

func (r *runner) signal(s syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd != nil && r.cmd.Process != nil && !r.reaped {
		_ = syscall.Kill(-r.cmd.Process.Pid, s)
		r.killed = r.killed || s == syscall.SIGKILL
	}
}

func (r *runner) pid() int {
	if r.cmd == nil || r.cmd.Process == nil {
		return 0
	}
	return r.cmd.Process.Pid
}

// dumpLimit is how long a plugin may take to write its goroutines down.
const dumpLimit = time.Second

// dump collects the goroutines that a Go program writes when it gets SIGQUIT, and logs them as one record.
func (r *runner) dump() {
	if stopped(r.pid()) {
		r.log.Error("the plugin is stopped by a signal and can't say what it was doing", "pid", r.pid())
		return
	}
	collect := r.output.collect()
	r.signal(syscall.SIGQUIT)
	select {
	case <-r.exited:
	case <-time.After(dumpLimit):
	}
	r.log.Error("what the plugin was doing", "pid", r.pid(), "goroutines", collect())
}

// stopped tells whether a process is in state T.
func stopped(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "T")
}

// cause says how the process ended, with the last it said.
func (r *runner) cause() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	how := "it exited with code 0"
	var exit *exec.ExitError
	if errors.As(r.status, &exit) {
		status, _ := exit.Sys().(syscall.WaitStatus)
		if status.Signaled() {
			return fmt.Errorf("it was killed by signal %d (%v)", status.Signal(), status.Signal())
		}
		how = fmt.Sprintf("it exited with code %d", exit.ExitCode())
	}
	if last := r.output.telling(); last != "" {
		how += ": " + last
	}
	return errors.New(how)
}

// What follows is the library's view.

// Stdout carries the handshake.
func (r *runner) Stdout() io.ReadCloser { return r.stdout }

// Stderr is ours alone.
func (r *runner) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Wait returns when the process has ended.
func (r *runner) Wait(context.Context) error {
	<-r.exited
	return r.status
}

// Kill ends the process.
func (r *runner) Kill(context.Context) error {
	r.kill()
	return nil
}

// ID is the process's number.
func (r *runner) ID() string { return strconv.Itoa(r.pid()) }

// Name is the plugin's file.
func (r *runner) Name() string { return filepath.Base(r.launcher.Path) }

// Diagnose has nothing to add: explain does that.
func (r *runner) Diagnose(context.Context) string { return "" }

// PluginToHost changes nothing: host and plugin see the same files.
func (r *runner) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin changes nothing.
func (r *runner) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
