package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/logfile"
)

// A network in the background may run for years. What it says of itself, and how it crashes, goes to a log with a
// bound.
func TestTheLogOfANetworkInTheBackgroundBeginsAnewWhenItIsFull(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some ten processes")
	}
	m := newMachine(t)
	m.reeve("devnet", "up", "--validators", "1", "--port-base", "0", "--detach", "--timeout", "50s")
	m.reeve("devnet", "down")
	path := filepath.Join(m.dir, ".reeve", "devnet.log")
	if err := os.Truncate(path, logfile.Default.Size); err != nil {
		t.Fatal(err)
	}
	inherited, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer inherited.Close()
	cmd := exec.Command(filepath.Join(m.dir, "reeve"), "devnet", "supervise")
	cmd.Dir, cmd.Stdout, cmd.Stderr = m.dir, inherited, inherited
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	m.downAtTheEnd()
	supervisor := devnet.Dial(datadir.Network{Dir: filepath.Dir(path)}.Run())
	m.poll("it runs", func() bool {
		s, err := supervisor.Status(t.Context())
		return err == nil && s.Ready()
	})
	pids(m.status())[0].Signal(syscall.SIGKILL) //nolint:errcheck // so that there is something to say
	m.poll("the full log is set aside, and standard error leads to the new one", func() bool {
		full, err := os.Stat(path + ".1")
		now, gone := os.Readlink(fmt.Sprintf("/proc/%d/fd/2", cmd.Process.Pid))
		if gone != nil {
			t.Fatalf("the supervisor has ended: %v", gone)
		}
		return err == nil && full.Size() == logfile.Default.Size && now == path
	})
	m.reeve("devnet", "down")
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
}
