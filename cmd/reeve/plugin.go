package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
)

// pluginName is what people call the process that a VM's host keeps running.
const pluginName = "plugin"

// pluginOf tells the plugin of a chain, "plugin" or "plugin@CHAIN", from the processes that a supervisor keeps running.
func pluginOf(process, chain string) (ofChain string, ok bool) {
	name, named, _ := strings.Cut(process, "@")
	if name != pluginName {
		return "", false
	}
	if named != "" {
		return named, true
	}
	return chain, true
}

// chain is the one that was named, or the only one of the node.
func (n *nodeFlags) chain(name string) (string, error) {
	if name != "" {
		return name, nil
	}
	h, err := n.first()
	if err != nil {
		return "", err
	}
	g, err := genesis.Load(h.Genesis())
	if err != nil {
		return "", err
	}
	if len(g.Chains) == 1 {
		return g.Chains[0].Name, nil
	}
	names := make([]string, len(g.Chains))
	for i, c := range g.Chains {
		names[i] = c.Name
	}
	return "", errcode.New(errcode.BadUsage, "Say which with --chain.", nil, "node %s has the chains %s", h.Name,
		strings.Join(names, ", "))
}

// restartPlugin has the VM's host start another plugin, and forget what it held against blocks and the one before.
func (n *nodeFlags) restartPlugin(ctx context.Context, chain, why string) error {
	h, err := n.first()
	if err != nil {
		return err
	}
	if chain, err = n.chain(chain); err != nil {
		return err
	}
	if err := devnet.RestartPlugin(ctx, h, chain, why); err != nil {
		return errcode.New(errcode.NodeUnreachable, "Is the node running, and its vmhost? `reeve svc ls` shows it.", err,
			"the plugin of chain %s on node %s can't be started again", chain, h.Name)
	}
	return nil
}

// describePlugin adds what the plugin's host knows of it. Without a host there is nothing to add.
func (n *nodeFlags) describePlugin(ctx context.Context, p *devnet.ProcessStatus) {
	h, err := n.first()
	if err != nil {
		return
	}
	vm, err := devnet.VM(ctx, h, p.Instance)
	if err != nil {
		return
	}
	p.Fields = map[string]any{
		"vm": strings.TrimSpace(vm.Name + " " + vm.Version), "protocol": float64(vm.Protocol),
		"capabilities": strings.Join(vm.Capabilities, ", "), "healthy": vm.Healthy, "complaint": vm.Cause,
	}
}

func (a *app) svcLogLevel() *cobra.Command {
	cmd := &cobra.Command{
		Use: "log-level debug|info|warn|error", Short: "Have a chain's plugin log from that level on",
		Args: takes(cobra.ExactArgs(1)),
		Long: "Have a chain's plugin log from that level on, until its host ends. The level of the node's own parts is the\n" +
			"setting log.level.",
	}
	n := a.nodeFlags(cmd, false)
	chain := cmd.Flags().String("chain", "", "name of the chain, if the node has several")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var level slog.Level
		if err := level.UnmarshalText([]byte(args[0])); err != nil {
			return errcode.New(errcode.BadUsage, "Use debug, info, warn or error.", nil, "%q is no level of a log", args[0])
		}
		h, err := n.first()
		if err != nil {
			return err
		}
		name, err := n.chain(*chain)
		if err != nil {
			return err
		}
		if err := devnet.SetLogLevel(cmd.Context(), h, name, level); err != nil {
			return errcode.New(errcode.NodeUnreachable, "Is it running?", err, "node %s doesn't take it", h.Name)
		}
		return nil
	}
	return cmd
}
