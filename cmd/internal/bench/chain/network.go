// Package chain measures a network of validators as a user has it: started with `reeve devnet up`, every subsystem a
// process of its own, transactions posted over HTTP to the key-value chain. It compares with a CometBFT network of the
// same size, started, loaded and stopped in turn with ours, and it can load a network that is running while somebody
// kills its parts.
//
// It uses a network through its command line and its HTTP interface and nothing else, and leaves none behind.
package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

const chainName = "kv"

// network is a running network and how to reach it.
type network struct {
	reeve string
	dir   string
	nodes []node
}

type node struct {
	*kv.Client
	url  string
	pids []int // of its processes
}

// status is what `reeve devnet up|status -o json` prints, as far as it is needed here.
type status struct {
	Nodes []struct {
		HTTP      string `json:"http"`
		Ready     bool   `json:"ready"`
		Processes []struct {
			Pid int `json:"pid"`
		} `json:"processes"`
	} `json:"nodes"`
}

// up makes a network in a directory of its own and returns how long it took until all nodes were ready, keys and
// genesis included.
func up(ctx context.Context, reeve string, validators int) (*network, time.Duration, error) {
	dir, err := os.MkdirTemp("", "reeve-bench-chain")
	if err != nil {
		return nil, 0, err
	}
	n := &network{reeve: reeve, dir: dir}
	begin := time.Now()
	s, err := n.ask(ctx, "up", "--validators", strconv.Itoa(validators), "--port-base", "0", "--detach", "--timeout",
		"60s")
	took := time.Since(begin)
	if err != nil {
		n.down()
		return nil, 0, err
	}
	n.use(s)
	return n, took, nil
}

// running finds the network in a directory; it isn't ours to stop.
func running(ctx context.Context, reeve, dir string) (*network, error) {
	n := &network{reeve: reeve, dir: dir}
	s, err := n.ask(ctx, "status")
	if err != nil {
		return nil, err
	}
	n.use(s)
	return n, nil
}

func (n *network) use(s *status) {
	for _, known := range s.Nodes {
		at := node{Client: kv.New(known.HTTP, chainName), url: known.HTTP + "/ext/bc/" + chainName}
		for _, p := range known.Processes {
			at.pids = append(at.pids, p.Pid)
		}
		n.nodes = append(n.nodes, at)
	}
}

func (n *network) ask(ctx context.Context, verb string, args ...string) (*status, error) {
	out, err := n.run(ctx, append([]string{"devnet", verb, "--data-dir", n.dir, "-o", "json"}, args...)...)
	if err != nil {
		return nil, err
	}
	var s status
	if err := json.Unmarshal(out, &s); err != nil {
		return nil, fmt.Errorf("devnet %s: %w", verb, err)
	}
	if len(s.Nodes) == 0 {
		return nil, fmt.Errorf("devnet %s: the network has no nodes", verb)
	}
	return &s, nil
}

func (n *network) run(ctx context.Context, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, n.reeve, args...)
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("reeve %s: %w: %s", args[1], err, bytes.TrimSpace(said.Bytes()))
	}
	return out, nil
}

// down stops the network and removes its directory.
func (n *network) down() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, _ = n.run(ctx, "devnet", "down", "--data-dir", n.dir) // there is none if it never came up
	_ = os.RemoveAll(n.dir)
}
