// Package devnet makes networks on one machine and keeps them running: keys, genesis and settings for any number of
// nodes, a supervisor for all their processes, their status, and a socket through which `reeve devnet …` commands reach
// the supervisor. A single validator is the same thing with one node. It starts and ends processes; what they say to
// each other passes it by, and it holds no key longer than it takes to write its file.
package devnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/services"
)

// Network is a network, or some of its nodes, whose processes this process supervises. Close must be called.
type Network struct {
	Home    datadir.Network
	Genesis *genesis.Genesis
	Program string // path of the reeve binary that the processes run
	// Settings reads a node's settings. The commands of a single node let flags and environment take part.
	Settings  func(datadir.Node) (*config.Config, error)
	Bundled   bool     // one process per node
	Arguments []string // more arguments for each process; nil when a whole network is run

	// Notice, if set before Start, is told of every change of a process. It must not block.
	Notice func(supervise.Status)
	// Deaf, if set before Serve, is told why no command is heard any more.
	Deaf func(error)

	log     *slog.Logger
	group   *supervise.Group
	changed *broadcast // of every change of a process

	acting sync.Mutex // one start, stop, add or remove at a time
	mu     sync.Mutex
	nodes  map[string]*node
	others map[string]bool  // processes in whose place others run
	scales map[string]scale // of the nodes that run, or are about to
}

// node is a node that is meant to run.
type node struct {
	home    datadir.Node
	config  *config.Config
	release func() // gives its directory back
}

// Open loads the network in dir. Nothing is started.
func Open(dir datadir.Network, log *slog.Logger) (*Network, error) {
	g, err := datadir.LoadGenesis(dir.Genesis())
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	n := &Network{
		Home: dir, Genesis: g, Program: program, Settings: fileSettings,
		log: log, group: supervise.NewGroup(log), changed: newBroadcast(), nodes: map[string]*node{},
		others: map[string]bool{}, scales: map[string]scale{},
	}
	n.group.Notify = func(s supervise.Status) {
		n.changed.notify()
		if n.Notice != nil {
			n.Notice(s)
		}
	}
	return n, nil
}

func fileSettings(h datadir.Node) (*config.Config, error) {
	c, err := services.Parts().Schema().LoadFile(h.Config())
	if err != nil {
		return nil, errcode.New(errcode.BadConfig, "Correct the file.", err, "node %s can't be configured", h.Name)
	}
	return c, nil
}

// Names lists the nodes that exist, running or not.
func (n *Network) Names() ([]string, error) {
	nodes, err := n.Home.Nodes()
	names := make([]string, len(nodes))
	for i, h := range nodes {
		names[i] = h.Name
	}
	return names, err
}

// Start starts the processes of the named nodes, of all when there is no name.
func (n *Network) Start(names ...string) error {
	n.acting.Lock()
	defer n.acting.Unlock()
	if len(names) == 0 {
		all, err := n.Names()
		if err != nil {
			return err
		}
		names = all
	}
	for _, name := range names {
		if err := n.start(name); err != nil {
			return err
		}
	}
	return nil
}

func (n *Network) start(name string) error {
	if n.running(name) != nil {
		return nil
	}
	h := n.Home.Node(name)
	if _, err := os.Stat(h.Config()); err != nil {
		return n.noSuchNode(name)
	}
	c, err := n.Settings(h)
	if err != nil {
		return err
	}
	if err := h.Make(); err != nil {
		return broken(h.Dir, err)
	}
	if err := makeTokens(h); err != nil {
		return broken(h.Dir, err)
	}
	s, err := readScale(h)
	if err != nil {
		return err
	}
	release, err := LockDir(h.Run())
	if err != nil {
		return err
	}
	n.rescale(name, s)
	if err := n.launch(&node{home: h, config: c, release: release}); err != nil {
		release()
		return err
	}
	return nil
}

// launch starts all processes of a node, or none.
func (n *Network) launch(v *node) error {
	if err := checkListeners(v.config); err != nil {
		return err
	}
	all := n.processes(v.home.Name)
	for i, p := range all {
		if err := n.group.Add(n.spec(v, p)); err != nil {
			n.group.Stop(canceled(), processNames(v.home.Name, all[:i])...)
			return fmt.Errorf("node %s: %w", v.home.Name, err)
		}
	}
	n.mu.Lock()
	n.nodes[v.home.Name] = v
	n.mu.Unlock()
	return nil
}

// Stop ends the processes of the named nodes, those first that use others. They are killed when ctx ends.
func (n *Network) Stop(ctx context.Context, names ...string) error {
	n.acting.Lock()
	defer n.acting.Unlock()
	var nodes []*node
	for _, name := range names {
		v := n.running(name)
		if v == nil {
			return n.noSuchNode(name)
		}
		nodes = append(nodes, v)
	}
	n.stop(ctx, nodes)
	return nil
}

func (n *Network) stop(ctx context.Context, nodes []*node) {
	for _, stage := range stages {
		var names []string
		for _, v := range nodes {
			names = append(names, processNames(v.home.Name, n.inStage(v.home.Name, stage))...)
		}
		n.group.Stop(ctx, names...)
	}
	for _, v := range nodes {
		if err := datadir.Clear(v.home.Run()); err != nil {
			n.log.Warn("sockets are left behind", "node", v.home.Name, "error", err)
		}
		v.release()
		n.mu.Lock()
		delete(n.nodes, v.home.Name)
		n.mu.Unlock()
	}
}

// Restart ends one process gently and starts it again.
func (n *Network) Restart(ctx context.Context, name, which string) error {
	if n.running(name) == nil {
		return n.noSuchNode(name)
	}
	if !slices.ContainsFunc(n.processes(name), func(p process) bool { return p.id == which }) {
		return errcode.New(errcode.NoSuchProcess,
			"`reeve devnet status` lists them.", nil,
			"node %s has no process %s that can be restarted alone", name, which)
	}
	return n.group.Restart(ctx, processName(name, which))
}

// Close stops everything, and kills what hasn't ended when ctx does.
func (n *Network) Close(ctx context.Context) {
	n.acting.Lock()
	defer n.acting.Unlock()
	n.mu.Lock()
	var nodes []*node
	for _, v := range n.nodes {
		nodes = append(nodes, v)
	}
	n.mu.Unlock()
	n.stop(ctx, nodes)
	n.group.Close(ctx)
}

func (n *Network) running(name string) *node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nodes[name]
}

func (n *Network) noSuchNode(name string) error {
	return errcode.New(errcode.NoSuchNode, "`reeve devnet status` lists them.", nil, "there is no running node %s",
		name)
}

// LockDir takes a run directory for this process, or says who has it.
func LockDir(run string) (release func(), err error) {
	release, err = datadir.Lock(run)
	if busy, ok := errors.AsType[*datadir.InUse](err); ok {
		return nil, errcode.New(errcode.DataDirInUse,
			"Stop the other one with `reeve devnet down`, or choose another directory with --data-dir.", nil, "%v",
			busy)
	}
	if err != nil {
		return nil, broken(run, err)
	}
	return release, nil
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
