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
	"github.com/reevenet/reeve/cmd/internal/byzantine/host"
	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/node"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer/part"
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

// lie is a way in which a process lies.
type lie struct {
	Process string // whose place the liar takes
	Kind    string
	hear    string // what the others do, in a sentence
	liar    func(part.Instance) part.Instance
}

// hostLies is the word for the processes of the parachain host together: the kind says which of them lies.
const hostLies = "parachain"

// lies are all ways of lying, by the word before the equals sign.
func lies() map[string][]lie {
	all := map[string][]lie{}
	for _, k := range byzantine.Kinds {
		all[engine.Name] = append(all[engine.Name], lie{engine.Name, string(k), k.Describe(),
			func(i part.Instance) part.Instance { return byzantine.Engine(i, k) }})
	}
	for _, k := range host.Kinds {
		all[hostLies] = append(all[hostLies], lie{k.Part(), string(k), k.Describe(),
			func(i part.Instance) part.Instance { return host.Liar(i, k) }})
	}
	return all
}

// lieOf reads who lies, and how.
func lieOf(who, kind string) (lie, error) {
	for _, l := range lies()[who] {
		if l.Kind == kind {
			return l, nil
		}
	}
	var err error
	switch who {
	case engine.Name:
		_, err = byzantine.Parse(kind)
	case hostLies:
		_, err = host.Parse(kind)
	default:
		err = fmt.Errorf("an engine can lie, and the parachain host: `%s=…` or `%s=…`", engine.Name, hostLies)
	}
	return lie{}, usage(err)
}

// listOf is a table of the ways in which somebody lies.
func listOf(who string) string {
	var list strings.Builder
	for _, l := range lies()[who] {
		fmt.Fprintf(&list, "  %-18s %s\n", l.Kind, l.hear)
	}
	return list.String()
}

func (a *app) chaosByzantine() *cobra.Command {
	cmd := &cobra.Command{
		Use: "byzantine engine=KIND | parachain=KIND", Short: "Let a validator lie to the others for a while",
		Args: takes(cobra.ExactArgs(1)),
		Long: `Let a validator of a running network lie to the others for a while. One of its processes is replaced by
one that says something else to its peers than it should. With engine=KIND they hear:

` + listOf(engine.Name) + `
On a relay chain, with parachain=KIND, one of the parachain host's, and they hear:

` + listOf(hostLies) + `
The liar signs with the validator's key file what the keystore refuses to sign. When the time is over, at Ctrl-C, or when this
command ends in any other way, the honest process is put back. What the validator has signed meanwhile stays signed: the others
may keep evidence against it. Never use it where that costs anybody anything.`,
	}
	n := a.nodeFlags(cmd, false)
	cmd.Flags().Lookup("node").Usage = "name of the validator (default: the last one)"
	chain := cmd.Flags().String("chain", "", "the chain whose engine it is (default: the only one)")
	lasts := cmd.Flags().Duration("for", 0, "how long it lies (default: until Ctrl-C)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		who, kind, _ := strings.Cut(args[0], "=")
		l, err := lieOf(who, kind)
		if err != nil {
			return err
		}
		d, err := a.lie(cmd.Context(), n, *chain, who, l, *lasts)
		if err != nil {
			return err
		}
		return a.show(d, func(t *table) {
			t.row(d.Node, d.Process, d.Kind, d.Lasted.Round(time.Second), fmt.Sprintf("height %d to %d", d.From, d.To))
		})
	}
	return cmd
}

// lie has a process of a validator lie for a time.
func (a *app) lie(ctx context.Context, n *nodeFlags, chain, who string, l lie, lasts time.Duration) (*drill, error) {
	c, before, err := a.liarOf(ctx, n)
	if err != nil {
		return nil, err
	}
	which := l.Process
	if chain != "" && len(before.Chains) > 1 && which == engine.Name {
		which += "@" + chain
	}
	began := time.Now()
	d := &drill{Node: before.Name, Process: which, Kind: l.Kind, From: before.Height}
	lying, stop := context.WithCancel(ctx)
	defer stop()
	why := "it is lying, for a drill: " + l.Kind
	err = c.Substitute(lying, before.Name, which, why, []string{"chaos", "liar", who, l.Kind}, func() {
		began = time.Now()
		a.say("%s of %s lies to the other validators. They hear %s.", which, before.Name, l.hear)
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

// backTime is how long the honest process may take to be back.
const backTime = 20 * time.Second

// honestAgain waits until the process is itself again, and returns the node's height.
func (a *app) honestAgain(ctx context.Context, c *devnet.Client, name, which, why string) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backTime)
	defer cancel()
	for {
		s, err := c.Status(ctx)
		if err != nil {
			return 0, err
		}
		v, _ := s.Node(name)
		// A node that is banned for its lies has no peers, and so isn't ready, however honest it is now.
		if p, ok := v.Process(which); ok && p.PID != 0 && p.Cause != why && (v.Ready || v.Peers == 0 && v.Height > 0) {
			a.say("%s of %s is honest again, at height %d.", which, name, v.Height)
			return v.Height, nil
		}
		select {
		case <-ctx.Done():
			return v.Height, errcode.New(errcode.TookTooLong,
				"`reeve svc restart "+which+" --node "+name+"` tries again.", nil,
				"node %s isn't ready %v after the drill: %s", name, backTime, v.Cause)
		case <-time.After(waitInterval):
		}
	}
}

// chaosLiar is the process of a liar.
func (a *app) chaosLiar() *cobra.Command {
	var chain string
	process := func(args []string) string {
		l, _ := lieOf(args[0], args[1])
		return cmp.Or(l.Process, engine.Name)
	}
	cmd := a.process("liar WHO KIND", "Run a process that lies", cobra.ExactArgs(2),
		func(args []string) working { return partWorks(process(args)) },
		func(ctx context.Context, n *node.Node, args []string) error {
			l, err := lieOf(args[0], args[1])
			if err != nil {
				return err
			}
			i, err := n.Instance(l.Process, chain)
			if err != nil {
				return err
			}
			i.Process.Tuning.Apply()
			return n.Run(ctx, l.liar(i))
		})
	cmd.Hidden = true
	cmd.Flags().StringVar(&chain, "chain", "", "the chain that it serves")
	return cmd
}
