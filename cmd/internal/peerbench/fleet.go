package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const stopGrace = 3 * time.Second // from closing a process's standard input to killing it

// role is one process of a peer. It serves at address, calls ready once with the address that the processes after
// it shall use, and returns when done closes.
type role func(address string, ready func(address string), done <-chan struct{}) error

// peer is a system that messages are sent through: the processes beside the asker, in starting order, and how the
// asker connects to what the last one announced.
type peer struct {
	roles   []string
	connect func(address string) (client, error)
}

// fleet is the processes of one peer. Each one lives as long as its standard input stays open, and dies with us.
type fleet struct {
	dir      string
	address  string
	children []*child
}

type child struct {
	command *exec.Cmd
	stdin   interface{ Close() error }
}

func startFleet(roles []string) (*fleet, error) {
	dir, err := os.MkdirTemp("", "peerbench")
	if err != nil {
		return nil, err
	}
	f := &fleet{dir: dir, address: dir + "/socket"}
	for _, name := range roles {
		if err := f.start(name); err != nil {
			f.stop()
			return nil, fmt.Errorf("start %s: %w", name, err)
		}
	}
	return f, nil
}

func (f *fleet) start(name string) error {
	command := exec.Command("/proc/self/exe", "role", name, f.address)
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := command.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	f.children = append(f.children, &child{command: command, stdin: stdin})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return fmt.Errorf("it ended before it was ready: %w", err)
	}
	f.address = strings.TrimSpace(line)
	return nil
}

func (f *fleet) pids() []int {
	var pids []int
	for _, c := range f.children {
		pids = append(pids, c.command.Process.Pid)
	}
	return pids
}

// stop ends every process, the last started first, and removes the directory of sockets.
func (f *fleet) stop() {
	for i := len(f.children) - 1; i >= 0; i-- {
		c := f.children[i]
		c.stdin.Close()
		force := time.AfterFunc(stopGrace, func() { _ = c.command.Process.Kill() })
		_ = c.command.Wait()
		force.Stop()
	}
	_ = os.RemoveAll(f.dir)
}
