package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/node"
	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/services"
)

func (a *app) overseerCommand() *cobra.Command {
	return a.process("overseer", "Run a node's overseer: the bus, and where clients reach the node", cobra.NoArgs,
		func([]string) working { return overseerWorks },
		func(ctx context.Context, n *node.Node, _ []string) error {
			tuning.Profile{Threads: tuning.One}.Apply()
			return n.Overseer(ctx)
		})
}

func (a *app) runCommand() *cobra.Command {
	names := services.Parts().Names()
	cmd := a.partCommand("run SUBSYSTEM", "Run one subsystem of a node", cobra.ExactArgs(1),
		func(args []string) string { return args[0] })
	cmd.ValidArgs = names
	cmd.Long = "Run one subsystem of a node as a process of its own. It attaches to the node's overseer and stays attached: " + strings.Join(names, ", ") + "."
	return cmd
}

// hostCommands run the parts whose process has another name than the subsystem: `reeve vmhost`.
func (a *app) hostCommands() (list []*cobra.Command) {
	for _, p := range services.Parts() {
		if name := p.Name(); name != p.Spec.Name {
			short := "Run the process of the subsystem " + p.Spec.Name + ", as `run " + p.Spec.Name + "` does"
			list = append(list, a.partCommand(name, short, cobra.NoArgs, func([]string) string { return name }))
		}
	}
	return list
}

// partCommand is the process of a part, which name finds in the arguments.
func (a *app) partCommand(use, short string, args cobra.PositionalArgs, name func([]string) string) *cobra.Command {
	var chain string
	works := func(args []string) working { return partWorks(name(args)) }
	cmd := a.process(use, short, args, works, func(ctx context.Context, n *node.Node, args []string) error {
		i, err := n.Instance(name(args), chain)
		if err != nil {
			return err
		}
		i.Process.Tuning.Apply()
		return n.Run(ctx, i)
	})
	cmd.Flags().StringVar(&chain, "chain", "",
		"the chain that it serves, of a subsystem that there is one of per chain (default: the only one)")
	return cmd
}

// bundleCommand is a node in one process; `devnet up --bundled` starts it.
func (a *app) bundleCommand() *cobra.Command {
	cmd := a.process("bundle", "Run a whole node in one process", cobra.NoArgs,
		func([]string) working { return overseerWorks },
		func(ctx context.Context, n *node.Node, _ []string) error { return n.Bundle(ctx) })
	cmd.Hidden = true
	return cmd
}

// isProcess marks the commands that are a node's processes: their exit codes tell whoever keeps them running whether
// that is of use.
const isProcess = "reeve_process"

// process is a command that is one process of a node, for as long as nobody ends it, or the one that watches that.
func (a *app) process(use, short string, args cobra.PositionalArgs, works func(args []string) working,
	main func(context.Context, *node.Node, []string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: takes(args), Annotations: map[string]string{isProcess: "true"}}
	flags := a.nodeFlags(cmd, true)
	watched := cmd.Flags().Bool(watchFlag, false,
		"run it as a child, and start it again when it ends or hangs: for the first process of a container")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		h, err := flags.node()
		if err != nil {
			return err
		}
		c, err := flags.load(h)
		if err != nil {
			return err
		}
		var level slog.Level
		if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
			return usage(err)
		}
		log := slog.New(slog.NewJSONHandler(a.err, &slog.HandlerOptions{Level: level})).With("node", h.Name)
		slog.SetDefault(log)
		if *watched {
			ask := works(args)
			return a.watch(cmd.Context(), cmd, args, log, func(ctx context.Context, w ward) error {
				return ask(ctx, h, c, w)
			})
		}
		n, err := node.Open(h, c, version, log)
		if err != nil {
			return err
		}
		if err := proc.Adopt(); err != nil {
			return err
		}
		return main(cmd.Context(), n, args)
	}
	return cmd
}
