// Package comet runs a network of CometBFT validators with its built-in key-value store on loopback, each validator a
// process of its own, loads it, and reports what came out: the chain that Reeve's is measured against.
//
// It receives the path of the cometbft binary and never changes anything outside the temporary directory it makes; all
// processes are gone when Down returns, and die with this process if it never gets that far.
package comet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	startLimit = 60 * time.Second
	stopGrace  = 3 * time.Second
	startPoll  = 5 * time.Millisecond
)

// Network is running validators. Validator i listens on 127.0.0.(i+1), because the testnet command gives every
// validator the same ports.
type Network struct {
	dir        string
	validators []*validator
}

type validator struct {
	*rpc
	command *exec.Cmd
	logs    string
}

// Up initialises a testnet, starts all validators at once and waits until each has block 1. It returns the time from
// starting the first process until then; making keys and genesis is not part of it.
func Up(ctx context.Context, binary string, count int, profile Profile) (*Network, time.Duration, error) {
	dir, err := os.MkdirTemp("", "peerbench-comet")
	if err != nil {
		return nil, 0, err
	}
	n := &Network{dir: dir}
	took, err := n.start(ctx, binary, count, profile)
	if err != nil {
		n.Down()
		return nil, 0, err
	}
	return n, took, nil
}

func (n *Network) start(ctx context.Context, binary string, count int, profile Profile) (time.Duration, error) {
	p2p, rpcPort, err := freePorts()
	if err != nil {
		return 0, err
	}
	testnet := exec.CommandContext(ctx, binary, "testnet", "--v", strconv.Itoa(count), "--o", n.dir,
		"--starting-ip-address", "127.0.0.1", "--p2p-port", strconv.Itoa(p2p))
	if text, err := testnet.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("cometbft testnet: %w: %s", err, text)
	}
	begin := time.Now()
	for i := range count {
		if err := n.startValidator(binary, i, p2p, rpcPort, profile); err != nil {
			return 0, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for _, v := range n.validators {
		if err := v.waitHeight(ctx, 1); err != nil {
			return 0, fmt.Errorf("no block 1: %w; last log lines:\n%s", err, v.lastLog())
		}
	}
	return time.Since(begin), nil
}

func (n *Network) startValidator(binary string, i, p2p, rpcPort int, profile Profile) error {
	host := fmt.Sprintf("127.0.0.%d", i+1)
	home := filepath.Join(n.dir, fmt.Sprintf("node%d", i))
	logs, err := os.Create(filepath.Join(n.dir, fmt.Sprintf("node%d.log", i)))
	if err != nil {
		return err
	}
	defer logs.Close()
	command := exec.Command(binary, "start", "--home", home, "--proxy_app", "kvstore", "--log_level", "error",
		"--p2p.laddr", fmt.Sprintf("tcp://%s:%d", host, p2p), "--rpc.laddr", fmt.Sprintf("tcp://%s:%d", host, rpcPort))
	command.Env = append(os.Environ(), profile.environment()...)
	command.Stdout, command.Stderr = logs, logs
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start validator %d: %w", i, err)
	}
	v := &validator{rpc: newRPC(fmt.Sprintf("http://%s:%d", host, rpcPort)), command: command, logs: logs.Name()}
	n.validators = append(n.validators, v)
	return nil
}

// waitHeight asks until the validator has the height, or ctx ends.
func (v *validator) waitHeight(ctx context.Context, height int64) error {
	for {
		at, err := v.height(ctx)
		if err == nil && at >= height {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(startPoll):
		}
	}
}

func (v *validator) lastLog() []byte {
	const lines = 2000
	text, _ := os.ReadFile(v.logs)
	return text[max(0, len(text)-lines):]
}

func (n *Network) Pids() []int {
	var pids []int
	for _, v := range n.validators {
		pids = append(pids, v.command.Process.Pid)
	}
	return pids
}

// Down stops all validators, kills what does not stop, and removes the directory.
func (n *Network) Down() {
	for _, v := range n.validators {
		_ = v.command.Process.Signal(syscall.SIGTERM)
	}
	for _, v := range n.validators {
		force := time.AfterFunc(stopGrace, func() { _ = v.command.Process.Kill() })
		_ = v.command.Wait()
		force.Stop()
	}
	_ = os.RemoveAll(n.dir)
}

// freePorts finds two ports that nobody listens on at the moment.
func freePorts() (int, int, error) {
	var ports [2]int
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, 0, err
		}
		defer listener.Close()
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports[0], ports[1], nil
}
