package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/node"
	"github.com/reevenet/reeve/internal/process/tuning"
)

func (a *app) overseerCommand() *cobra.Command {
	return a.process("overseer", "Run a node's overseer: the bus, and the door for clients", cobra.NoArgs,
		func(ctx context.Context, n *node.Node, _ []string) error {
			tuning.Relay()
			return n.Overseer(ctx)
		})
}

func (a *app) vmhostCommand() *cobra.Command {
	return a.process("vmhost", "Run the host of a node's VM, which starts the plugin", cobra.NoArgs,
		func(ctx context.Context, n *node.Node, _ []string) error {
			tuning.Host()
			return n.Run(ctx, "vm")
		})
}

func (a *app) runCommand() *cobra.Command {
	cmd := a.process("run SUBSYSTEM", "Run one subsystem of a node", cobra.ExactArgs(1),
		func(ctx context.Context, n *node.Node, args []string) error {
			if args[0] == "keystore" { // a signature takes less than handing it to another thread
				tuning.Relay()
			}
			tuning.Worker()
			return n.Run(ctx, args[0])
		})
	cmd.ValidArgs = node.Names()
	cmd.Long = "Run one subsystem of a node as a process of its own. It attaches to the node's overseer and stays attached: " + strings.Join(node.Names(), ", ") + "."
	return cmd
}

// bundleCommand is a node in one process; `devnet up --bundled` starts it.
func (a *app) bundleCommand() *cobra.Command {
	cmd := a.process("bundle", "Run a whole node in one process", cobra.NoArgs,
		func(ctx context.Context, n *node.Node, _ []string) error { return n.Bundle(ctx) })
	cmd.Hidden = true
	return cmd
}

// process is a command that is one process of a node, for as long as nobody ends it.
func (a *app) process(use, short string, args cobra.PositionalArgs, main func(context.Context, *node.Node, []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: takes(args)}
	flags := a.nodeFlags(cmd, true)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		h, err := flags.node()
		if err != nil {
			return err
		}
		c, _, err := flags.load(h)
		if err != nil {
			return err
		}
		var level slog.Level
		if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
			return usage(err)
		}
		log := slog.New(slog.NewJSONHandler(a.err, &slog.HandlerOptions{Level: level})).With("node", h.Name)
		slog.SetDefault(log)
		n, err := node.Open(h, c, version, log)
		if err != nil {
			return err
		}
		return main(cmd.Context(), n, args)
	}
	return cmd
}
