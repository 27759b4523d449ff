package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// kvFlags are the flags of all commands that use the key-value chain.
type kvFlags struct {
	*nodeFlags
	chain   string
	url     string
	timeout time.Duration
	wait    bool
}

func (a *app) kvCommand() *cobra.Command {
	return noun("kv", "The key-value chain's client", a.kvPut(), a.kvGet(), a.kvWatch())
}

// putTimeout is longer than a chain's VM may take to answer.
const putTimeout = 35 * time.Second

func (a *app) kvFlags(cmd *cobra.Command, wait string) *kvFlags {
	k := &kvFlags{nodeFlags: a.nodeFlags(cmd, false)}
	cmd.Flags().Lookup("node").Usage = "name of the node to ask (default: the first one)"
	cmd.Flags().StringVar(&k.chain, "chain", kvChain, "name of the chain")
	cmd.Flags().StringVar(&k.url, "url", "", "HTTP address of the node, in place of --data-dir and --node")
	cmd.Flags().DurationVar(&k.timeout, "timeout", putTimeout, "how long to wait")
	if wait != "" {
		cmd.Flags().BoolVar(&k.wait, "wait", false, wait)
	}
	return k
}

// client speaks to the node that the flags name.
func (k *kvFlags) client(ctx context.Context) (*kv.Client, error) {
	if k.url != "" {
		return kv.New(strings.TrimRight(k.url, "/"), k.chain), nil
	}
	h, err := k.first()
	if err != nil {
		return nil, err
	}
	c, err := k.load(h)
	if err != nil {
		return nil, err
	}
	if err := isIt(ctx, h, c.HTTP.Listen); err != nil {
		return nil, err
	}
	client := kv.New("http://"+devnet.Reachable(c.HTTP.Listen), k.chain)
	if g, err := datadir.LoadGenesis(h.Genesis()); err == nil {
		chain, _ := g.Chain(k.chain)
		client.ChainID = chain.ID
	}
	return client, nil
}

// everyone is a client per node of the network.
func (k *kvFlags) everyone(ctx context.Context) ([]*kv.Client, error) {
	net, err := k.app.network()
	if err != nil {
		return nil, err
	}
	nodes, err := net.Nodes()
	if err != nil {
		return nil, err
	}
	clients := make([]*kv.Client, len(nodes))
	for i, h := range nodes {
		c, err := k.load(h)
		if err != nil {
			return nil, err
		}
		if err := isIt(ctx, h, c.HTTP.Listen); err != nil {
			return nil, err
		}
		clients[i] = kv.New("http://"+devnet.Reachable(c.HTTP.Listen), k.chain)
	}
	return clients, nil
}

func (a *app) kvPut() *cobra.Command {
	cmd := &cobra.Command{
		Use: "put KEY VALUE", Short: "Set a key and wait until that is final", Args: takes(cobra.ExactArgs(2)),
		Long: "Sign a transaction with a key made for it, post it to a node, and wait until it is final there.",
	}
	k := a.kvFlags(cmd, "wait until every node of the network shows it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), k.timeout)
		defer cancel()
		c, err := k.client(ctx)
		if err != nil {
			return err
		}
		f, err := c.Put(ctx, kv.NewAccount(), 0, args[0], args[1])
		if err != nil {
			return chainTrouble(ctx, err)
		}
		if k.wait {
			if err := k.everywhere(ctx, args[0], args[1]); err != nil {
				return chainTrouble(ctx, err)
			}
		}
		return a.show(f, func(t *table) {
			t.row("transaction", f.Tx)
			t.row("final after", fmt.Sprintf("%.1f ms", f.Millis))
			t.row("height", f.Height)
			t.row("VM's id", f.Block)
		})
	}
	return cmd
}

// everywhere waits until all nodes show the value.
func (k *kvFlags) everywhere(ctx context.Context, key, value string) error {
	clients, err := k.everyone(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range clients {
		group.Go(func() error {
			_, err := c.GetWhenThere(ctx, key, value)
			return err
		})
	}
	return group.Wait()
}

func (a *app) kvGet() *cobra.Command {
	cmd := &cobra.Command{
		Use: "get KEY", Short: "Read a key; exit code 1 if it isn't set", Args: takes(cobra.ExactArgs(1)),
	}
	k := a.kvFlags(cmd, "wait until it is set")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), k.timeout)
		defer cancel()
		c, err := k.client(ctx)
		if err != nil {
			return err
		}
		get := c.Get
		if k.wait {
			get = func(ctx context.Context, key string) (*kv.Entry, error) { return c.GetWhenThere(ctx, key, "") }
		}
		e, err := get(ctx, args[0])
		if errors.Is(err, kv.ErrAbsent) {
			return errcode.New(errcode.KeyAbsent, "", nil, "the key %q isn't set", args[0])
		}
		if err != nil {
			return chainTrouble(ctx, err)
		}
		return a.show(e, func(t *table) { t.row(e.Value) })
	}
	return cmd
}

func (a *app) kvWatch() *cobra.Command {
	cmd := &cobra.Command{
		Use: "watch", Short: "Print blocks as they are accepted, until Ctrl-C", Args: takes(cobra.NoArgs),
	}
	k := a.kvFlags(cmd, "")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := k.client(cmd.Context())
		if err != nil {
			return err
		}
		blocks, err := c.Watch(cmd.Context())
		if err != nil {
			return chainTrouble(cmd.Context(), err)
		}
		for b := range blocks {
			if err := a.show(b, func(t *table) { t.row(b.Height, b.ID, len(b.Txs), "transactions") }); err != nil {
				return err
			}
		}
		if cmd.Context().Err() == nil {
			return errcode.New(errcode.NodeUnreachable, "Run the command again.", nil,
				"the node ended the stream of blocks")
		}
		return nil
	}
	return cmd
}

// chainTrouble gives each reason why a chain can't be used its error code.
func chainTrouble(ctx context.Context, err error) error {
	var refused *kv.Refused
	switch {
	case errors.As(err, &refused) && refused.Status >= 500:
		return errcode.New(errcode.NodeNotReady, "`reeve node health` says more.", nil, "%s", refused.Reason)
	case errors.As(err, &refused):
		return errcode.New(errcode.ChainRefused, "", nil, "%s", refused.Reason)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errcode.New(errcode.TookTooLong, "Is the network healthy? `reeve devnet status` says more.", nil,
			"it didn't happen in time")
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
		return errcode.New(errcode.NodeUnreachable, "Is it running? `reeve devnet up` starts it.", err,
			"the node doesn't answer")
	}
	return err
}
