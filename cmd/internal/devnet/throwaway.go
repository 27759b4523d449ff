package devnet

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/reevenet/reeve/internal/process/datadir"
)

// Throwaway is a network of a test's own: real processes, in a directory of their own, on ports that were free.
type Throwaway struct {
	Program    string // reeve
	Validators int
	Home       datadir.Network
	Keep       bool // leaves the directory, with its logs, when the network has ended
	// Parachain: the chain is a relay chain, with the example parachain on it, whose blocks nobody produces yet.
	Parachain bool
}

// NewThrowaway makes the directory. Up starts the network; Down ends it if it runs, and removes the directory.
func NewThrowaway(program string, validators int, keep bool) (*Throwaway, error) {
	dir, err := os.MkdirTemp("", "reeve-test-")
	if err != nil {
		return nil, err
	}
	return &Throwaway{Program: program, Validators: validators, Home: datadir.Network{Dir: dir}, Keep: keep}, nil
}

// Up starts all nodes, and returns when they are ready. The client speaks to the process that keeps them running.
func (n *Throwaway) Up(ctx context.Context) (*Client, error) {
	up := exec.CommandContext(ctx, n.Program, "devnet", "up", "--detach", "--data-dir", n.Home.Dir, "--port-base", "0",
		"--validators", fmt.Sprint(n.Validators))
	if n.Parachain {
		up.Args = append(up.Args, "--vm", RelayVM, "--parachain", "--timeout", hostStartTime.String())
	}
	if said, err := up.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("the network didn't start: %w: %s", err, bytes.TrimSpace(said))
	}
	return Dial(n.Home.Run()), nil
}

// hostStartTime is how long a network with a parachain host may take to be ready: a validator has some twenty processes.
const hostStartTime = 90 * time.Second

// stopTime is how long its processes may take to end.
const stopTime = 20 * time.Second

// Node starts one node alone; stop ends it.
func (n *Throwaway) Node(name string) (stop func(), err error) {
	cmd := exec.Command(n.Program, "node", "start", "--data-dir", n.Home.Dir, "--node", name)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it has ended
		select {
		case <-ended:
		case <-time.After(stopTime):
			cmd.Process.Kill() //nolint:errcheck // it has ended
			<-ended
		}
	}, nil
}

// Down ends the network if it runs, and removes its directory.
func (n *Throwaway) Down() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if Supervised(n.Home.Run()) {
		if err := Dial(n.Home.Run()).Down(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	if n.Keep {
		fmt.Println("the network's directory is", n.Home.Dir)
		return
	}
	os.RemoveAll(n.Home.Dir)
}
