package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// healthcheckTimeout is longer than the node takes to say which of its parts doesn't answer.
const healthcheckTimeout = 3 * time.Second

func (a *app) healthcheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "healthcheck [PROCESS]",
		Short: "Exit with 0 if the node, or one process of it, is healthy, and with 4 if not",
		Args:  takes(cobra.MaximumNArgs(1)),
		Long: `Ask the overseer, over its unix socket, whether the node is healthy, or one process of it. Containers
use it: it needs no shell, no network and no other program.`,
	}
	n := a.nodeFlags(cmd, false)
	timeout := cmd.Flags().Duration("timeout", healthcheckTimeout, "how long the answer may take")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), *timeout)
		defer cancel()
		h, err := n.node()
		if err != nil {
			return err
		}
		health, err := devnet.SocketHealth(ctx, h)
		if e := (*errcode.Error)(nil); errors.As(err, &e) {
			return err
		}
		if err != nil {
			return errcode.New(errcode.NodeNotReady, "", err, "the overseer of %s doesn't answer", h.Name)
		}
		known := len(args) == 0
		for _, c := range health.Checks {
			asked := len(args) == 0 || args[0] == c.Name || args[0] == devnet.CheckTitle(health.Checks, c)
			if !c.OK && asked {
				return errcode.New(errcode.NodeNotReady, "", nil, "%s: %s", devnet.CheckTitle(health.Checks, c),
					c.Cause)
			}
			known = known || asked
		}
		if !known {
			return errcode.New(errcode.NoSuchProcess, "`reeve node health` lists what is checked.", nil,
				"node %s has no process %s", h.Name, args[0])
		}
		return nil
	}
	return cmd
}
