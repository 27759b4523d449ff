package rounds

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const stopGrace = 5 * time.Second // from closing a session's standard input to killing it

// Session is a process that plays rounds, ours or a peer's.
type Session struct {
	name    string
	command *exec.Cmd
	stdin   io.WriteCloser
	results *bufio.Scanner
}

// Start runs the command as a session, in our environment. It dies with the process that started it; what it writes to
// standard error goes to ours. name is for error messages.
func Start(name, path string, args ...string) (*Session, error) {
	return StartWith(nil, name, path, args...)
}

// StartWith is Start with more in the environment, as "NAME=value".
func StartWith(env []string, name, path string, args ...string) (*Session, error) {
	command := exec.Command(path, args...)
	command.Env = append(os.Environ(), env...)
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
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return &Session{name: name, command: command, stdin: stdin, results: bufio.NewScanner(stdout)}, nil
}

// Play orders one round and waits for its result.
func (s *Session) Play(order Order) (Result, error) {
	var result Result
	if err := json.NewEncoder(s.stdin).Encode(order); err != nil {
		return result, fmt.Errorf("%s has ended: %w", s.name, err)
	}
	if !s.results.Scan() {
		return result, fmt.Errorf("%s ended in the middle of a round: %w", s.name, orEOF(s.results.Err()))
	}
	if err := json.Unmarshal(s.results.Bytes(), &result); err != nil {
		return result, fmt.Errorf("%s said %q: %w", s.name, s.results.Text(), err)
	}
	if result.Error != "" {
		return result, fmt.Errorf("%s, %s of %d bytes: %s", s.name, order.Op, order.Size, result.Error)
	}
	return result, nil
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// Stop ends the session and waits until it is gone.
func (s *Session) Stop() {
	_ = s.stdin.Close()
	force := time.AfterFunc(stopGrace, func() { _ = s.command.Process.Kill() })
	defer force.Stop()
	_ = s.command.Wait()
}
