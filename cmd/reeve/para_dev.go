package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/paradev"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// paraNew is `para new`.
func (a *app) paraNew() *cobra.Command {
	cmd := &cobra.Command{
		Use: "new NAME", Short: "Write a parachain of your own: a Go module that builds and runs as it is",
		Args: takes(cobra.ExactArgs(1)),
	}
	o := moduleFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o.Name = args[0]
		dir, err := paradev.New(cmd.Context(), *o)
		if err != nil {
			return err
		}
		if err := a.show(map[string]string{"dir": dir}, func(t *table) { t.row(dir) }); err != nil {
			return err
		}
		a.say("Next:  cd %s, and do what its README.md says", dir)
		return nil
	}
	return cmd
}

// relay is the relay chain at the node that the flags name.
func (n *nodeFlags) relay() (*paradev.Client, error) {
	h, c, err := n.door()
	if err != nil {
		return nil, err
	}
	g, err := datadir.LoadGenesis(h.Genesis())
	if err != nil {
		return nil, err
	}
	chain, ok := g.RelayChain()
	if !ok {
		return nil, errcode.New(errcode.BadUsage, "Start one that has: `reeve devnet up --vm relayvm`.", nil,
			"this network has no relay chain")
	}
	return paradev.Dial("http://"+devnet.Reachable(c.HTTP.Listen), chain.Name), nil
}

// paraStatus is `para status`.
func (a *app) paraStatus() *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "Print the parachains of the relay chain, and how far each is", Args: takes(cobra.NoArgs),
		Long: `Print the paras of the relay chain as a node has it: the core that each has, the hash of its head, the
candidate that has made it and how long ago that was included, the candidate that is under way with the validators that
hold their chunks of it, and the hash of the code. With -o json there is the head itself, too.`,
	}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		relay, err := n.relay()
		if err != nil {
			return err
		}
		list, err := relay.Status(cmd.Context())
		if err != nil {
			return errcode.New(errcode.NodeUnreachable, "Is it running?", err, "the relay chain doesn't answer")
		}
		return a.show(list, func(t *table) {
			t.row("PARA", "CORE", "HEAD", "MADE BY", "INCLUDED IN", "AGE", "UNDER WAY", "VOTES", "CODE")
			for _, s := range list {
				t.row(paraCells(s, time.Now())...)
			}
		})
	}
	return cmd
}

// paraCells are the cells of one para.
func paraCells(s paradev.Status, now time.Time) []any {
	core, in, age, votes := "-", "-", "-", "-"
	if s.Core != nil {
		core = fmt.Sprint(*s.Core)
	}
	if s.IncludedAt != nil {
		in, age = fmt.Sprint(s.IncludedIn), now.Sub(*s.IncludedAt).Round(100*time.Millisecond).String()
	}
	if s.UnderWay != nil {
		votes = fmt.Sprint(s.Votes)
	}
	return []any{s.Para, core, s.HeadHash.Short(), shortOrNone(s.Candidate), in, age, shortOrNone(s.UnderWay), votes,
		s.Code.Short()}
}

func shortOrNone(h *primitives.Hash) string {
	if h == nil {
		return "-"
	}
	return h.Short()
}

// registerTimeout is how long a registration may take: thirty blocks for the parts of a large code, and some more.
const registerTimeout = 2 * time.Minute

// paraRegister is `para register`.
func (a *app) paraRegister() *cobra.Command {
	cmd := &cobra.Command{
		Use: "register ID=CODE,head=HEX", Short: "Bring a parachain onto a relay chain that runs",
		Args: takes(cobra.ExactArgs(1)),
		Long: `Upload a parachain's validation code, the file CODE, and register the parachain with the head that it
begins with. It has a core from the relay chain's next session on. The key of --key becomes its owner's: it signs, and
may give the parachain new code.`,
	}
	n := a.nodeFlags(cmd, false)
	file := cmd.Flags().String("key", "owner.key", "file with the owner's key; it is made if it isn't there")
	timeout := cmd.Flags().Duration("timeout", registerTimeout, "how long it may take")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := paradev.Parse(args[0])
		if err != nil {
			return err
		}
		relay, err := n.relay()
		if err != nil {
			return err
		}
		key, err := paradev.Key(*file)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), *timeout)
		defer cancel()
		if err := relay.Register(ctx, key, p, func(s string) { a.say("  %s", s) }); err != nil {
			return fmt.Errorf("para %d isn't registered: %w", p.ID, err)
		}
		a.say("Para %d is registered. It has a core from the next session on: `reeve para status` shows when.", p.ID)
		return nil
	}
	return cmd
}
