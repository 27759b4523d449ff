package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/cmd/internal/story"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

func (a *app) whyCandidate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "candidate HASH", Short: "Print what became of a parachain's candidate, and what it lacks",
		Args: takes(cobra.ExactArgs(1)),
		Long: `Print every step of a candidate that the nodes in the data directory remember, with the time since the
first: who did it, and because of which message. Before that stands how far the candidate has come, and what it lacks
for the next thing to happen. Every part of a node remembers its last 4,096 steps since it started.`,
	}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var candidate primitives.Hash
		if err := candidate.UnmarshalText([]byte(args[0])); err != nil {
			return usage(err)
		}
		s, err := n.story(cmd.Context(), candidate)
		if err != nil {
			return err
		}
		return a.show(s, func(t *table) { s.Print(t.row) })
	}
	return cmd
}

// story asks the node that the flags name, or all.
func (n *nodeFlags) story(ctx context.Context, candidate primitives.Hash) (*story.Story, error) {
	nodes, err := n.all()
	if err != nil {
		return nil, err
	}
	var told []*gateway.Steps
	var unheard []string
	for _, h := range nodes {
		c, err := n.load(h)
		if err != nil {
			return nil, err
		}
		steps, err := devnet.Steps(ctx, devnet.Reachable(c.Metrics.Listen), candidate)
		if err != nil {
			unheard = append(unheard, h.Name)
			continue
		}
		told = append(told, steps)
	}
	if len(told) == 0 {
		return nil, errcode.New(errcode.NodeUnreachable, "Do they run?", nil, "no node answers")
	}
	return story.Of(candidate, told, unheard...), nil
}

// all are the nodes of the data directory, or the one that the flags name.
func (n *nodeFlags) all() ([]datadir.Node, error) {
	if n.name == "" {
		net, err := n.app.network()
		if err != nil {
			return nil, err
		}
		if nodes, err := net.Nodes(); err != nil || len(nodes) > 0 {
			return nodes, err
		}
	}
	h, err := n.node()
	return []datadir.Node{h}, err
}
