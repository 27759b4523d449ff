package process

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	libraryrunner "github.com/hashicorp/go-plugin/runner"

	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/vmhost/handshake"
	"github.com/reevenet/reeve/vmhost/launch"
)

// runner runs the plugin for the library, which sees its standard output and nothing else of it.
type runner struct {
	launcher Launcher
	image    image
	tracing  bool
	dir      string // of its sockets, where it also works
	guard    string // what protects the node from it
	log      *slog.Logger

	cmd    *exec.Cmd
	child  atomic.Pointer[proc.Child] // nil until it is started
	excess atomic.Pointer[error]      // why it was ended; nil unless it has taken too much of the disk
	stdin  *os.File
	stdout *io.PipeReader
	first  stdout
	output *output
	exited chan struct{} // closed when it has ended and what it wrote has been read
}

func newRunner(l Launcher, i image, dir string, r launch.Request) *runner {
	return &runner{
		launcher: l, image: i, dir: dir, tracing: r.Around.Tracing != nil, log: r.Log, exited: make(chan struct{}),
		output: newOutput(r.Log),
	}
}

// forLibrary is called by the library with the environment that it wants.
func (r *runner) forLibrary(_ hclog.Logger, cmd *exec.Cmd, sockets string) (libraryrunner.Runner, error) {
	if err := r.launcher.own(sockets); err != nil {
		return nil, err
	}
	env := append([]string{handshake.EnvParentPipe + "=1", "TMPDIR=" + r.dir}, r.launcher.Env...)
	if r.tracing { // the plugin sends its spans where this process does
		env = append(env, handshake.Tracing(os.Environ())...)
	}
	r.cmd = &exec.Cmd{
		Path: r.image.path,
		Args: append([]string{r.launcher.Path}, r.launcher.Args...),
		Env:  append(env, cmd.Env...),
		Dir:  r.dir,
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
	child, err := r.start()
	if err != nil {
		close(r.exited)
		for _, f := range []*os.File{stdin, stdout, stderr} {
			f.Close()
		}
		return err
	}
	r.child.Store(child)
	r.stdin = stdin
	r.stdout, r.first.library = io.Pipe()
	r.first.rest.to = r.output.line
	r.output.reading.Go(func() {
		defer stdout.Close()
		r.first.read(stdout)
	})
	r.output.read(stderr)
	go r.wait(child)
	return nil
}

// wait waits for the end, and for what was written before it.
func (r *runner) wait(child *proc.Child) {
	<-child.Exited
	r.output.drain(200 * time.Millisecond)
	r.stdin.Close()
	close(r.exited)
}

// kill ends the process and all that it has started.
func (r *runner) kill() {
	if c := r.child.Load(); c != nil {
		c.Kill()
	}
}

func (r *runner) pid() int {
	if c := r.child.Load(); c != nil {
		return c.PID
	}
	return 0
}

// dumpLimit is how long a plugin may take to write its goroutines down.
const dumpLimit = time.Second

// dump collects the goroutines that a Go program writes when it gets SIGQUIT, and logs them as one record.
func (r *runner) dump() {
	c := r.child.Load()
	if c == nil {
		return
	}
	if c.Paused() {
		r.log.Error("the plugin is stopped by a signal and can't say what it was doing", "pid", c.PID)
		return
	}
	collect := r.output.collect()
	c.Signal(syscall.SIGQUIT)
	select {
	case <-r.exited:
	case <-time.After(dumpLimit):
	}
	r.log.Error("what the plugin was doing", "pid", c.PID, "goroutines", collect())
}

// cause says how the process ended, with the last it said, or for what it was ended. It must have ended.
func (r *runner) cause() error {
	if why := r.excess.Load(); why != nil {
		return *why
	}
	return errors.New(r.child.Load().Exit().Explain(r.output.last()))
}

// What follows is the library's view.

// Stdout carries the handshake.
func (r *runner) Stdout() io.ReadCloser { return r.stdout }

// Stderr is ours alone.
func (r *runner) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Wait returns when the process has ended.
func (r *runner) Wait(context.Context) error {
	<-r.exited
	return nil
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
