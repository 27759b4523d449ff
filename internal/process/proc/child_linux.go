package proc

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Child is one run of a program as a child of this process. It ends with this process, however that ends, and what it
// has started itself ends with it: what is in its group, and in a process that adopts all that it leaves.
type Child struct {
	Identity
	// Exited is closed when it has ended.
	Exited chan struct{}

	cmd *exec.Cmd

	mu     sync.Mutex
	reaped bool // it has ended, and its pid may be another's
	killed bool // by us
}

// Start starts a program. It gets a process group of its own: a Ctrl-C on the terminal isn't for it, and the group can
// be killed as a whole; and no signal is blocked in it. The standard streams of cmd must be files, which are the caller's
// to close.
func Start(cmd *exec.Cmd) (*Child, error) { return start(cmd, nil) }

// start starts it as another user, unless that is nil.
func start(cmd *exec.Cmd, as *syscall.Credential) (*Child, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: as}
	c := &Child{cmd: cmd, Exited: make(chan struct{})}
	started := make(chan error)
	go c.run(started)
	return c, <-started
}

// run stays on one thread until the process has ended: the kernel sends the parent-death signal when the thread that
// started a process ends.
func (c *Child) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	clearMask()
	family.starting.RLock()
	err := c.cmd.Start()
	if err == nil {
		c.Identity = Identify(c.cmd.Process.Pid)
		know(c.PID, true)
	}
	family.starting.RUnlock()
	started <- err
	if err == nil {
		c.wait()
	}
}

// wait notices the end at once, kills what the process has left behind in its group while its pid can't be another's,
// and only then gives the pid back.
func (c *Child) wait() {
	for errors.Is(unix.Waitid(unix.P_PID, c.PID, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
	c.mu.Lock()
	_ = syscall.Kill(-c.PID, syscall.SIGKILL) // fails when nothing is left, which is well
	_ = c.cmd.Wait()                          // what it says stands in the state
	c.reaped = true
	c.mu.Unlock()
	know(c.PID, false)
	endOrphans()
	close(c.Exited)
}

// Signal sends sig to the process and all that it has started in its group, if it hasn't ended.
func (c *Child) Signal(sig syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.reaped {
		_ = syscall.Kill(-c.PID, sig)
		c.killed = c.killed || sig == syscall.SIGKILL
	}
}

// Kill ends all of them, in whatever state they are.
func (c *Child) Kill() { c.Signal(syscall.SIGKILL) }
