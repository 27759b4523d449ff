package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/datadir"
)

// network is one of the test's own, in a directory of its own.
type network struct {
	program    string
	validators int
	home       datadir.Network
	keep       bool
	quiet      bool // it is started often
}

func (f *flags) network(validators int) (*network, error) {
	dir, err := os.MkdirTemp("", "reeve-kill-")
	if err != nil {
		return nil, err
	}
	return &network{program: f.program, validators: validators, home: datadir.Network{Dir: dir}, keep: f.keep}, nil
}

// start brings up a network; down ends it and removes its directory.
func (f *flags) start(ctx context.Context, validators int) (n *network, client *devnet.Client, err error) {
	if n, err = f.network(validators); err != nil {
		return nil, nil, err
	}
	if client, err = n.Up(ctx); err != nil {
		n.remove()
		return nil, nil, err
	}
	return n, client, nil
}

// Up is killtest.Starter.
func (n *network) Up(ctx context.Context) (*devnet.Client, error) {
	up := exec.CommandContext(ctx, n.program, "devnet", "up", "--detach", "--data-dir", n.home.Dir, "--port-base", "0",
		"--validators", fmt.Sprint(n.validators))
	if !n.quiet {
		up.Stderr = os.Stderr
	}
	if err := up.Run(); err != nil {
		return nil, fmt.Errorf("the network didn't start: %w", err)
	}
	return devnet.Dial(n.home.Run()), nil
}

// stopTime is how long a node's processes may take to end.
const stopTime = 20 * time.Second

// Node is killtest.Starter.
func (n *network) Node(_ context.Context, name string) (stop func(), err error) {
	cmd := exec.Command(n.program, "node", "start", "--data-dir", n.home.Dir, "--node", name)
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

// down ends the network if it runs, and removes its directory.
func (n *network) down() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if devnet.Supervised(n.home.Run()) {
		if err := devnet.Dial(n.home.Run()).Down(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	n.remove()
}

func (n *network) remove() {
	if n.keep {
		fmt.Println("the network's directory is", n.home.Dir)
		return
	}
	os.RemoveAll(n.home.Dir)
}
