package main

import (
	"context"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/cmd/internal/story"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
)

// candidateName is what names a candidate: its hash, or the first bytes of it.
var candidateName = regexp.MustCompile(`^([0-9a-f]{2}){4,32}$`)

func (a *app) whyCandidate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "candidate HASH", Short: "Print what became of a parachain's candidate, and what it lacks",
		Args: takes(cobra.ExactArgs(1)),
		Long: `Print every step of a candidate that the nodes in the data directory remember, with the time since the
first: who did it, and because of which message. Before that stands how far the candidate has come, and what it lacks
for the next thing to happen. HASH is the candidate's hash, or its first digits, at least the eight that logs show.
Every part of a node remembers its last 4,096 steps since it started.`,
	}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !candidateName.MatchString(args[0]) {
			return usage(fmt.Errorf("%q isn't the hash of a candidate, or 8 digits or more of one", args[0]))
		}
		s, err := n.story(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.show(s, func(t *table) { s.Print(t.row) })
	}
	return cmd
}

// story asks the node that the flags name, or all.
func (n *nodeFlags) story(ctx context.Context, candidate string) (*story.Story, error) {
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
	return story.Of(candidate, told, unheard...)
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
