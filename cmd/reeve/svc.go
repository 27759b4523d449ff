package main

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

func (a *app) svcCommand() *cobra.Command {
	return noun("svc", "The parts of a running node", a.svcList(), a.svcDescribe(), a.svcRestart(), a.svcScale(),
		a.svcLogLevel())
}

func (a *app) svcList() *cobra.Command {
	cmd := &cobra.Command{Use: "ls", Short: "Print the processes of a node", Args: takes(cobra.NoArgs)}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := n.observed(cmd.Context())
		if err != nil {
			return err
		}
		return a.show(s.Processes, func(t *table) {
			t.row("PROCESS", "INSTANCE", "PID", "STATE", "SINCE", "RESTARTS", "MESSAGES", "MEMORY", "CAUSE")
			for _, p := range s.Processes {
				t.row(p.Name, p.Instance, p.PID, p.State, time.Since(p.Since).Round(time.Second), p.Restarts,
					p.Messages, bytesText(p.RSSBytes), p.Cause)
			}
		})
	}
	return cmd
}

func (a *app) svcDescribe() *cobra.Command {
	cmd := &cobra.Command{Use: "describe PROCESS", Short: "Print what a process says of itself",
		Args: takes(cobra.ExactArgs(1))}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := n.observed(cmd.Context())
		if err != nil {
			return err
		}
		p, ok := s.Process(args[0])
		if !ok {
			return errcode.New(errcode.NoSuchProcess, "`reeve svc ls` lists them.", nil, "node %s has no process %s",
				s.Name, args[0])
		}
		if p.Name == pluginName {
			n.describePlugin(cmd.Context(), &p)
		}
		return a.show(p, func(t *table) {
			t.row("state", p.State, p.Cause)
			for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
				t.row(name, fieldText(p.Fields[name]))
			}
		})
	}
	return cmd
}

// fieldText shows whole numbers as such, though they came as JSON's.
func fieldText(v any) any {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return v
}

func (a *app) svcRestart() *cobra.Command {
	cmd := &cobra.Command{
		Use: "restart PROCESS", Short: "End a process gently and start it again; it also leaves quarantine",
		Args: takes(cobra.ExactArgs(1)),
		Long: "End a process gently and start it again; it also leaves quarantine. A plugin's host then forgets what it held\n" +
			"against the plugin and against blocks, and looks at them anew.",
	}
	n := a.nodeFlags(cmd, false)
	chain := cmd.Flags().String("chain", "", "name of the chain whose plugin it is, if the node has several")
	why := cmd.Flags().String("why", "", "what the plugin's host writes in its log")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if of, ok := pluginOf(args[0], *chain); ok {
			return n.restartPlugin(cmd.Context(), of, *why)
		}
		h, err := n.first()
		if err != nil {
			return err
		}
		c, err := a.keeper(h)
		if err != nil {
			return err
		}
		return c.RestartProcess(cmd.Context(), h.Name, args[0])
	}
	return cmd
}

// keeper is who keeps a node's processes running: the network's, or that of a node that was started alone.
func (a *app) keeper(h datadir.Node) (*devnet.Client, error) {
	net, err := a.network()
	if err != nil {
		return nil, err
	}
	run := net.Run()
	if !devnet.Supervised(run) {
		run = h.Run()
	}
	return devnet.Dial(run), nil
}
