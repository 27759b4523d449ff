package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/byzantine"
	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/node"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/services/engine"
)

func (a *app) chaosCommand() *cobra.Command {
	return noun("chaos", "Drills on a running network", a.chaosByzantine(), a.chaosLiar())
}

// drill is what became of one.
type drill struct {
	Node    string        `json:"node"`
	Process string        `json:"process"`
	Kind    string        `json:"kind"`
	Lasted  time.Duration `json:"lastedNanos"`
	From    uint64        `json:"fromHeight"`
	To      uint64        `json:"toHeight"`
}

func (a *app) chaosByzantine() *cobra.Command {
	kinds := make([]string, len(byzantine.Kinds))
	for i, k := range byzantine.Kinds {
		kinds[i] = fmt.Sprintf("  %-11s %s", k, k.Describe())
	}
	cmd := &cobra.Command{
		Use: "byzantine engine=KIND", Short: "Let a validator lie to the others for a while",
		Args: takes(cobra.ExactArgs(1)),
		Long: `Let a validator of a running network lie to the others for a while. Its engine is replaced by one that
says to its peers, by KIND:

` + strings.Join(kinds, "\n") + `

The liar signs with the validator's key file what the keystore refuses to sign. When the time is over, at Ctrl-C, or when this
command ends in any other way, the honest engine is put back. What the validator has signed meanwhile stays signed: the others
may keep evidence against it. Never use it where that costs anybody anything.`,
	}
	n := a.nodeFlags(cmd, false)
	cmd.Flags().Lookup("node").Usage = "name of the validator (default: the last one)"
	chain := cmd.Flags().String("chain", "", "the chain whose engine it is (default: the only one)")
	lasts := cmd.Flags().Duration("for", 0, "how long it lies (default: until Ctrl-C)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		part, text, _ := strings.Cut(args[0], "=")
		kind, err := byzantine.Parse(text)
		if err == nil && part != engine.Name {
			err = fmt.Errorf("only an engine can lie: `engine=%s`", text)
		}
		if err != nil {
			return usage(err)
		}
		d, err := a.lie(cmd.Context(), n, *chain, kind, *lasts)
		if err != nil {
			return err
		}
		return a.show(d, func(t *table) {
			t.row(d.Node, d.Process, d.Kind, d.Lasted.Round(time.Second), fmt.Sprintf("height %d to %d", d.From, d.To))
		})
	}
	return cmd
}

// lie has a validator's engine lie for a time.
func (a *app) lie(ctx context.Context, n *nodeFlags, chain string, kind byzantine.Kind, lasts time.Duration) (*drill,
	error) {
	c, before, err := a.liarOf(ctx, n)
	if err != nil {
		return nil, err
	}
	which := engine.Name
	if chain != "" && len(before.Chains) > 1 {
		which += "@" + chain
	}
	began := time.Now()
	d := &drill{Node: before.Name, Process: which, Kind: string(kind), From: before.Height}
	lying, stop := context.WithCancel(ctx)
	defer stop()
	why := "it is lying, for a drill: " + string(kind)
	err = c.Substitute(lying, before.Name, which, why, []string{"chaos", "liar", string(kind)}, func() {
		began = time.Now()
		a.say("The engine of %s lies to the other validators. They hear %s.", before.Name, kind.Describe())
		if lasts > 0 {
			time.AfterFunc(lasts, stop)
			a.say("It is honest again in %v, or at Ctrl-C.", lasts)
		} else {
			a.say("It is honest again at Ctrl-C.")
		}
	})
	if d.Lasted = time.Since(began); lying.Err() == nil {
		return nil, cmp.Or(err, errors.New("the supervisor has ended"))
	}
	d.To, err = a.honestAgain(ctx, c, before.Name, which, why)
	return d, err
}

// liarOf finds the validator that is to lie, and whoever supervises it.
func (a *app) liarOf(ctx context.Context, n *nodeFlags) (*devnet.Client, devnet.NodeStatus, error) {
	c, err := a.supervisor()
	if err != nil {
		return nil, devnet.NodeStatus{}, err
	}
	s, err := c.Status(ctx)
	if err != nil {
		return nil, devnet.NodeStatus{}, err
	}
	if n.name == "" {
		return c, s.Nodes[len(s.Nodes)-1], nil
	}
	v, ok := s.Node(n.name)
	if !ok {
		return nil, v, errcode.New(errcode.NoSuchNode, "`reeve devnet status` lists them.", nil, "there is no node %s",
			n.name)
	}
	return c, v, nil
}

// backTime is how long the honest engine may take to be back.
const backTime = 20 * time.Second

// honestAgain waits until the engine is itself again, and returns the node's height.
func (a *app) honestAgain(ctx context.Context, c *devnet.Client, name, which, why string) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backTime)
	defer cancel()
	for {
		s, err := c.Status(ctx)
		if err != nil {
			return 0, err
		}
		v, _ := s.Node(name)
		if p, ok := v.Process(which); ok && p.PID != 0 && p.Cause != why && v.Ready {
			a.say("The engine of %s is honest again, at height %d.", name, v.Height)
			return v.Height, nil
		}
		select {
		case <-ctx.Done():
			return v.Height, errcode.New(errcode.TookTooLong,
				"`reeve svc restart engine --node "+name+"` tries again.", nil,
				"node %s isn't ready %v after the drill: %s", name, backTime, v.Cause)
		case <-time.After(waitInterval):
		}
	}
}

// chaosLiar is the process of a liar.
func (a *app) chaosLiar() *cobra.Command {
	var chain string
	cmd := a.process("liar KIND", "Run an engine that lies", cobra.ExactArgs(1),
		func([]string) working { return partWorks(engine.Name) },
		func(ctx context.Context, n *node.Node, args []string) error {
			kind, err := byzantine.Parse(args[0])
			if err != nil {
				return usage(err)
			}
			i, err := n.Instance(engine.Name, chain)
			if err != nil {
				return err
			}
			i.Process.Tuning.Apply()
			return n.Run(ctx, byzantine.Engine(i, kind))
		})
	cmd.Hidden = true
	cmd.Flags().StringVar(&chain, "chain", "", "the chain that it serves")
	return cmd
}
