package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/collate"
	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

func (a *app) nodeCommand() *cobra.Command {
	return noun("node", "One validator", a.nodeInit(), a.nodeStart(), a.nodeStatus(), a.nodePeers(), a.nodeHealth(),
		a.nodeWait())
}

func (a *app) nodeInit() *cobra.Command {
	cmd := &cobra.Command{
		Use: "init", Short: "Make a node's keys and settings", Args: takes(cobra.NoArgs),
		Long: `Make a node's keys and settings. With --genesis the node joins the network of that file; without, it is
the one validator of a new network.`,
	}
	var o devnet.JoinOptions
	f := cmd.Flags()
	f.StringVar(&o.Name, "node", "v1", "name of the node")
	f.StringVar(&o.Genesis, "genesis", "", "genesis file of the network to join")
	vm := f.String("vm", "kvvm", "VM of a new network's chain: name of a plugin beside reeve, or path of one")
	parachain := f.Bool("parachain", false, "put the example parachain, a ledger, on a new network's relay chain")
	ifMissing := f.Bool("if-missing", false, "make nothing if the node exists")
	handOut := f.String("hand-out", "",
		"for containers: directory with one for each process that shall have its own keys and data, and one called others")
	cmd.RunE = func(*cobra.Command, []string) error {
		net, err := a.network()
		if err != nil {
			return err
		}
		if err := devnet.Resume(net); err != nil {
			return err
		}
		if _, err := os.Stat(net.Node(o.Name).Config()); err == nil && *ifMissing {
			if err := sameNetwork(net, o.Genesis); err != nil {
				return err
			}
			return a.handOut(net.Node(o.Name), *handOut)
		}
		if o.Plugin, err = devnet.FindPlugin(*vm); err != nil {
			return err
		}
		if *parachain && o.Plugin.Name == devnet.RelayVM && o.Genesis == "" {
			code, err := ledgerCode()
			if err != nil {
				return err
			}
			_, ledger := collate.Demo(code)
			o.Paras = append(o.Paras, ledger)
		}
		h, err := devnet.Init(net, o)
		if err != nil {
			return err
		}
		a.say("Made node %s in %s. Start it with `reeve node start`.", h.Name, h.Dir)
		return a.handOut(h, *handOut)
	}
	return cmd
}

func (a *app) handOut(h datadir.Node, dir string) error {
	if dir == "" {
		return nil
	}
	if err := devnet.HandOut(h, dir); err != nil {
		return err
	}
	a.say("Each process of %s has its share in %s.", h.Name, dir)
	return nil
}

// sameNetwork makes sure that a node which is there already belongs to the network of the genesis that is asked for.
func sameNetwork(net datadir.Network, file string) error {
	if file == "" {
		return nil
	}
	wanted, err := datadir.LoadGenesis(file)
	if err != nil {
		return err
	}
	there, err := datadir.LoadGenesis(net.Genesis())
	if err != nil {
		return err
	}
	if there.Hash() != wanted.Hash() {
		return errcode.New(errcode.GenesisMismatch, "Choose another directory with --data-dir, or leave --genesis out.",
			nil, "%s belongs to the network with genesis %s, and %s is that of another, %s", net.Dir, there.Hash().Short(),
			file, wanted.Hash().Short())
	}
	return nil
}

func (a *app) nodeStart() *cobra.Command {
	cmd := &cobra.Command{Use: "start", Short: "Start all processes of one node and keep them running until Ctrl-C",
		Args: takes(cobra.NoArgs)}
	n := a.nodeFlags(cmd, true)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		h, err := n.node()
		if err != nil {
			return err
		}
		if _, err := n.load(h); err != nil {
			return err
		}
		return a.superviseNode(cmd.Context(), h, n)
	}
	return cmd
}

// door is where a node answers questions about itself.
func (n *nodeFlags) door() (datadir.Node, *config.Config, error) {
	h, err := n.first()
	if err != nil {
		return h, nil, err
	}
	c, err := n.load(h)
	return h, c, err
}

// observed is the node as its own door shows it.
func (n *nodeFlags) observed(ctx context.Context) (*devnet.NodeStatus, error) {
	h, c, err := n.door()
	if err != nil {
		return nil, err
	}
	s := devnet.NewNodeStatus(h)
	s.HTTP = "http://" + devnet.Reachable(c.HTTP.Listen)
	err = devnet.Observe(ctx, devnet.Reachable(c.Metrics.Listen), s)
	if errors.Is(err, devnet.ErrSilent) {
		return s, errcode.New(errcode.NodeUnreachable,
			"Is it running? `reeve node start` or `reeve devnet up` starts it.", nil, "node %s doesn't answer at %s",
			h.Name, c.Metrics.Listen)
	}
	return s, err
}

// isIt asks who answers at an address, and makes sure that it is the node. Who says nothing is told from it by whatever
// is asked next.
func isIt(ctx context.Context, h datadir.Node, address string) error {
	info, err := devnet.Info(ctx, devnet.Reachable(address))
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	return devnet.IsIt(h.Name, datadir.NodeID(h), info.NodeID, address)
}

func (a *app) nodeStatus() *cobra.Command {
	cmd := &cobra.Command{Use: "status", Short: "Print a node, its chains and its processes", Args: takes(cobra.NoArgs)}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := n.observed(cmd.Context())
		if err != nil {
			return err
		}
		if a.output == "json" {
			return a.show(s, nil)
		}
		return a.showStatus(&devnet.Status{Nodes: []devnet.NodeStatus{*s}}, true)
	}
	return cmd
}

// monitored asks a node at its door for monitoring.
func monitored[T any](ctx context.Context, n *nodeFlags, ask func(context.Context, string) (T, error)) (h datadir.Node,
	answer T, err error) {
	h, c, err := n.door()
	if err != nil {
		return h, answer, err
	}
	if err := isIt(ctx, h, c.Metrics.Listen); err != nil {
		return h, answer, err
	}
	if answer, err = ask(ctx, devnet.Reachable(c.Metrics.Listen)); err != nil {
		err = errcode.New(errcode.NodeUnreachable, "Is it running?", err, "node %s doesn't answer", h.Name)
	}
	return h, answer, err
}

func (a *app) nodeHealth() *cobra.Command {
	cmd := &cobra.Command{Use: "health", Short: "Print a node's checks; exit code 4 when one fails",
		Args: takes(cobra.NoArgs)}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		h, health, err := monitored(cmd.Context(), n, devnet.Health)
		if err != nil {
			return err
		}
		if err := a.show(health, func(t *table) {
			t.row("CHECK", "OK", "SINCE", "CAUSE")
			for _, k := range health.Checks {
				t.row(devnet.CheckTitle(health.Checks, k), k.OK, time.Since(k.Since).Round(time.Second), k.Cause)
			}
		}); err != nil {
			return err
		}
		if !health.Healthy {
			return errcode.New(errcode.NodeNotReady, "", nil, "node %s isn't healthy", h.Name)
		}
		return nil
	}
	return cmd
}

func (a *app) nodePeers() *cobra.Command {
	cmd := &cobra.Command{Use: "peers", Short: "Print the nodes that a node knows", Args: takes(cobra.NoArgs)}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		_, peers, err := monitored(cmd.Context(), n, devnet.Peers)
		if err != nil {
			return err
		}
		return a.show(peers, func(t *table) {
			t.row("PEER", "CONNECTED", "VALIDATOR", "REPUTATION", "RECEIVED", "SENT", "ADDRESS", "AGENT", "LAST ERROR")
			for _, p := range peers {
				t.row(p.NodeID.Short(), p.Connected, p.Validator, p.Reputation, p.BytesReceived, p.BytesSent,
					p.Address, p.Agent, p.LastError)
			}
		})
	}
	return cmd
}

// waitInterval is how often a node is looked at that somebody waits for.
const waitInterval = 50 * time.Millisecond

func (a *app) nodeWait() *cobra.Command {
	cmd := &cobra.Command{Use: "wait", Short: "Wait until a node is ready, or its chain has a height",
		Args: takes(cobra.NoArgs)}
	n := a.nodeFlags(cmd, false)
	height := cmd.Flags().Uint64("height", 0, "the height to wait for")
	timeout := cmd.Flags().Duration("timeout", time.Minute, "how long to wait")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), *timeout)
		defer cancel()
		tick := time.NewTicker(waitInterval)
		defer tick.Stop()
		for {
			s, err := n.observed(ctx)
			if err != nil && errcode.Of(err) != errcode.Unreachable {
				return err
			}
			if err == nil && s.Ready && s.Height >= *height {
				return nil
			}
			select {
			case <-ctx.Done():
				return errcode.New(errcode.TookTooLong, "", nil, "node %s is at height %d, ready: %v %s", s.Name,
					s.Height, s.Ready, s.Cause)
			case <-tick.C:
			}
		}
	}
	return cmd
}

// superviseNode keeps one node's processes running.
func (a *app) superviseNode(ctx context.Context, h datadir.Node, flags *nodeFlags) error {
	net, err := a.network()
	if err != nil {
		return err
	}
	s := session{only: h.Name, run: h.Run(), settings: flags.load, arguments: flags.arguments()}
	return a.supervise(ctx, net, s, func(n *devnet.Network) error {
		p := newProgress(a.err)
		_, err := n.WaitReady(ctx, p.update)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("node %s: %w", h.Name, err)
		}
		return nil
	})
}
