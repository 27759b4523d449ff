package rounds

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Fleet is the processes that take part in a session beside its own. Each plays a role of this very executable, lives
// as long as its standard input stays open, and dies with us.
type Fleet struct {
	self     []string
	children []*Child
}

// Child is one process of a fleet.
type Child struct {
	// Pid of the process.
	Pid int

	command *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Reader
}

// NewFleet makes an empty fleet. self is the command line that this executable's roles are appended to.
func NewFleet(self ...string) *Fleet { return &Fleet{self: self} }

// Start starts a role and waits until it has said its first line, which says that it is ready.
func (f *Fleet) Start(role ...string) (*Child, error) {
	args := append(append([]string(nil), f.self...), role...)
	command := exec.Command("/proc/self/exe", args...)
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", role[0], err)
	}
	c := &Child{Pid: command.Process.Pid, command: command, stdin: stdin, stdout: bufio.NewReader(stdout)}
	f.children = append(f.children, c)
	if _, err := c.line(); err != nil {
		return nil, fmt.Errorf("%s ended before it was ready: %w", role[0], err)
	}
	return c, nil
}

// Say writes a line to the child and returns the line that it answers.
func (c *Child) Say(line string) (string, error) {
	if _, err := fmt.Fprintln(c.stdin, line); err != nil {
		return "", err
	}
	return c.line()
}

func (c *Child) line() (string, error) {
	line, err := c.stdout.ReadString('\n')
	return strings.TrimSpace(line), err
}

// Signal sends the child a signal.
func (c *Child) Signal(sig os.Signal) error { return c.command.Process.Signal(sig) }

// Stop ends every process, the last started first.
func (f *Fleet) Stop() {
	for i := len(f.children) - 1; i >= 0; i-- {
		c := f.children[i]
		_ = c.stdin.Close()
		force := time.AfterFunc(stopGrace, func() { _ = c.command.Process.Kill() })
		_ = c.command.Wait()
		force.Stop()
	}
	f.children = nil
}

// Obey is the child's side: it says that it is ready, then answers each line with what on returns, until the input
// ends.
func Obey(in io.Reader, out io.Writer, on func(line string) string) {
	fmt.Fprintln(out, "ready")
	for lines := bufio.NewScanner(in); lines.Scan(); {
		fmt.Fprintln(out, on(lines.Text()))
	}
}
