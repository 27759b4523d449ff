package supervise

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"github.com/reevenet/reeve/internal/process/errcode"
)

// spawner starts processes from one operating-system thread, which lives until close: the kernel sends the parent-death
// signal when the thread that forked ends, not when the process does.
type spawner struct {
	starts chan func()
	once   *sync.Once
}

func newSpawner() spawner {
	s := spawner{starts: make(chan func()), once: new(sync.Once)}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		for start := range s.starts {
			start()
		}
	}()
	return s
}

func (s spawner) close() { s.once.Do(func() { close(s.starts) }) }

// start runs the program with its output appended to its log. The child gets a process group of its own, so that a Ctrl-C
// on the terminal reaches the supervisor alone.
func (s spawner) start(spec Spec) (*child, error) {
	log, offset, err := openLog(spec.Log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := &exec.Cmd{
		Path: spec.Path, Args: append([]string{spec.Path}, spec.Args...), Env: spec.Env, Dir: spec.Dir,
		Stdout: log, Stderr: log,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}
	started := make(chan error)
	s.starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("can't start %s: %w", spec.Name, err)
	}
	c := &child{cmd: cmd, id: Identify(cmd.Process.Pid), log: spec.Log, offset: offset, exited: make(chan struct{})}
	go c.wait()
	return c, nil
}

// maxLog is the size in bytes at which a log is set aside when its process starts. One older log is kept.
const maxLog = 32 << 20

func openLog(path string) (*os.File, int64, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, 0, err
	}
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, 0, err
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// child is one run of a process.
type child struct {
	cmd    *exec.Cmd
	id     Identity
	log    string
	offset int64 // where this run's output begins in the log
	hung   error // why the probe gave it up
	exited chan struct{}
	err    error // how it ended; set before exited is closed
}

func (c *child) wait() {
	c.err = c.cmd.Wait()
	close(c.exited)
}

// cause says in one line why the run ended, and whether a restart can't mend it.
func (c *child) cause() (text string, permanent bool) {
	if c.hung != nil {
		return fmt.Sprintf("didn't answer any more (%v) and was killed", c.hung), false
	}
	state := c.cmd.ProcessState
	status, _ := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		text = fmt.Sprintf("killed by signal %d (%v)", int(status.Signal()), status.Signal())
	} else {
		text = fmt.Sprintf("exited with code %d", state.ExitCode())
	}
	if line := telling(c.log, c.offset); line != "" && !status.Signaled() {
		text += ": " + line
	}
	switch errcode.Code(state.ExitCode()) {
	case errcode.Usage, errcode.Incompatible, errcode.SafetyHalt:
		permanent = true
	}
	return text, permanent
}
