package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
)

func (a *app) devnetCommand() *cobra.Command {
	return noun("devnet", "A network of validators on this machine",
		a.devnetUp(), a.devnetStatus(), a.devnetDown(), a.devnetLogs(), a.devnetSupervise(),
		noun("node", "Change the network while it runs", a.devnetNodeAdd(), a.devnetNodeStop(), a.devnetNodeStart(),
			a.devnetNodeRemove()))
}

// supervisor is a client of the process that supervises the network.
func (a *app) supervisor() (*devnet.Client, error) {
	net, err := a.network()
	if err != nil {
		return nil, err
	}
	return devnet.Dial(net.Run()), nil
}

func (a *app) devnetStatus() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Print the nodes, their chains and their processes", Args: takes(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.supervisor()
			if err != nil {
				return err
			}
			s, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			return a.showStatus(s, true)
		},
	}
}

// showStatus prints the nodes, and their processes if details are wanted.
func (a *app) showStatus(s *devnet.Status, details bool) error {
	return a.show(s, func(t *table) {
		t.row("NODE", "READY", "CHAIN", "HEIGHT", "LAST ACCEPTED", "PEERS", "PROCESSES", "HTTP", "CAUSE")
		for _, n := range s.Nodes {
			ready := "no"
			if n.Ready {
				ready = "yes"
			}
			first, more := n.Heads, []devnet.Head(nil)
			if len(first) > 1 {
				first, more = first[:1], first[1:]
			}
			chain, height, last := headCells(first)
			t.row(n.Name, ready, chain, height, last, n.Peers, len(n.Processes), n.HTTP, n.Cause)
			for _, h := range more {
				t.row("", "", h.Chain, h.Height, h.LastAccepted.Short(), "", "", "", "")
			}
		}
		if !details {
			return
		}
		t.row()
		t.row("NODE", "PROCESS", "PID", "STATE", "SINCE", "RESTARTS", "MEMORY", "CAUSE")
		for _, n := range s.Nodes {
			for _, p := range n.Processes {
				t.row(n.Name, n.Title(p), p.PID, p.State, time.Since(p.Since).Round(time.Second), p.Restarts,
					bytesText(p.RSSBytes), p.Cause)
			}
		}
	})
}

// headCells are the cells of a node's chain; one that doesn't answer has none.
func headCells(head []devnet.Head) (chain, height, last any) {
	if len(head) == 0 {
		return "-", "-", "-"
	}
	return head[0].Chain, head[0].Height, head[0].LastAccepted.Short()
}

// downTimeout is longer than processes are given to stop, one stage after the other.
const downTimeout = 30 * time.Second

func (a *app) devnetDown() *cobra.Command {
	cmd := &cobra.Command{Use: "down", Short: "Stop the network; nothing is left behind but its data",
		Args: takes(cobra.NoArgs)}
	timeout := cmd.Flags().Duration("timeout", downTimeout, "how long to wait")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.supervisor()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), *timeout)
		defer cancel()
		return c.Down(ctx)
	}
	return cmd
}

func (a *app) devnetNodeAdd() *cobra.Command {
	return &cobra.Command{
		Use: "add", Short: "Add a node that follows the chains", Args: takes(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.supervisor()
			if err != nil {
				return err
			}
			name, err := c.Add(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(map[string]string{"name": name}, func(t *table) { t.row(name) })
		},
	}
}

func (a *app) devnetNodeStop() *cobra.Command {
	return a.onNode("stop NODE", "Stop a node", (*devnet.Client).StopNode)
}

func (a *app) devnetNodeStart() *cobra.Command {
	return a.onNode("start NODE", "Start a stopped node", (*devnet.Client).StartNode)
}

func (a *app) devnetNodeRemove() *cobra.Command {
	return a.onNode("rm NODE", "Stop a node that isn't a validator, and delete it", (*devnet.Client).RemoveNode)
}

func (a *app) onNode(use, short string, do func(*devnet.Client, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: takes(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.supervisor()
			if err != nil {
				return err
			}
			if err := do(c, cmd.Context(), args[0]); err != nil {
				return fmt.Errorf("%s: %w", cmd.CommandPath(), err)
			}
			return nil
		},
	}
}
