package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/proc"
)

// watched starts a process of node v1 as a container's first process does, and ends it with the test.
func (m *machine) watched(env []string, args ...string) *exec.Cmd {
	m.t.Helper()
	cmd := exec.Command(filepath.Join(m.dir, "reeve"), append(args, "--watch")...)
	cmd.Dir, cmd.Env = m.dir, append(os.Environ(), env...)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		if err := cmd.Wait(); err != nil || m.t.Failed() {
			m.t.Errorf("reeve %s ends with %v, and said\n%s", strings.Join(args, " "), err, said.String())
		}
	})
	return cmd
}

// childOf waits until a process has a child that isn't that one, and that is the program which it watches: Go forks
// itself for a moment, too, to try what the kernel can do.
func (m *machine) childOf(parent *exec.Cmd, not proc.Identity) (child proc.Identity) {
	m.t.Helper()
	m.poll(fmt.Sprintf("%v has a new child", parent.Args[1:]), func() bool {
		lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent.Process.Pid))
		if err != nil {
			m.t.Fatal(err)
		}
		for _, list := range lists {
			var pid int
			text, _ := os.ReadFile(list) //nolint:errcheck // of a thread that has ended
			if _, err := fmt.Sscan(string(text), &pid); err == nil && pid != not.PID && isPart(pid) {
				child = proc.Identify(pid)
				return true
			}
		}
		return false
	})
	return child
}

// isPart tells whether a process is one of a node, and watches none.
func isPart(pid int) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && len(line) > 0 && !strings.Contains(string(line), "--watch")
}

func (m *machine) poll(what string, so func() bool) {
	m.t.Helper()
	for limit := time.Now().Add(90 * time.Second); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			m.t.Fatalf("never: %s", what)
		}
	}
}

// In a container of its own a part can't be ended by the overseer. Who watches it there replaces it when it is killed
// and when it hangs, whichever part it is.
func TestAProcessThatIsWatchedIsReplacedWhenItEndsAndWhenItHangs(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for processes that hang")
	}
	m := newMachine(t)
	m.reeve("node", "init")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"REEVE_METRICS_LISTEN=" + free.Addr().String(), "REEVE_HTTP_LISTEN=127.0.0.1:0"}
	free.Close()
	home := datadir.Network{Dir: filepath.Join(m.dir, ".reeve")}.Node("v1")
	attached := func(p proc.Identity) {
		t.Helper()
		m.poll(fmt.Sprintf("the keystore, process %d, is attached", p.PID), func() bool {
			return devnet.Attached(t.Context(), home, "keystore", "keystore-", p.PID) == nil
		})
	}
	overseer, keystore := m.watched(env, "overseer"), m.watched(env, "run", "keystore")
	broker, part := m.childOf(overseer, proc.Identity{}), m.childOf(keystore, proc.Identity{})
	attached(part)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		if err := part.Signal(sig); err != nil {
			t.Fatal(err)
		}
		part = m.childOf(keystore, part)
		attached(part)
		if err := broker.Signal(sig); err != nil {
			t.Fatal(err)
		}
		broker = m.childOf(overseer, broker)
		attached(part)
	}
}
