package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

func (a *app) chainCommand() *cobra.Command {
	return noun("chain", "The chains of a node, and their blocks",
		a.chainList(), a.chainInfo(), a.chainHead(), a.chainBlock(), a.chainTx(), a.chainProof(), a.chainVerify())
}

// nodeInfo asks the node that the flags name what it is.
func (n *nodeFlags) nodeInfo(ctx context.Context) (*gateway.Info, error) {
	h, c, err := n.door()
	if err != nil {
		return nil, err
	}
	info, err := devnet.Info(ctx, devnet.Reachable(c.HTTP.Listen))
	if err != nil {
		return nil, errcode.New(errcode.NodeUnreachable, "Is it running?", err, "node %s doesn't answer", h.Name)
	}
	return info, devnet.IsIt(h.Name, datadir.NodeID(h), info.NodeID, c.HTTP.Listen)
}

func (a *app) chainList() *cobra.Command {
	cmd := &cobra.Command{Use: "ls", Short: "Print where the chains of a node are reached", Args: takes(cobra.NoArgs)}
	n := a.nodeFlags(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		_, c, err := n.door()
		if err != nil {
			return err
		}
		info, err := n.nodeInfo(cmd.Context())
		if err != nil {
			return err
		}
		list := make([]chainRow, len(info.Chains))
		for i, chain := range info.Chains {
			list[i] = chainRow{
				Name: chain.Name, VM: chain.VM, Height: chain.Height,
				HTTP: "http://" + devnet.Reachable(c.HTTP.Listen) + "/ext/bc/" + chain.Name,
			}
		}
		return a.show(list, func(t *table) {
			t.row("CHAIN", "VM", "HEIGHT", "HTTP")
			for _, c := range list {
				t.row(c.Name, c.VM, c.Height, c.HTTP)
			}
		})
	}
	return cmd
}

// chainRow is one line of `reeve chain ls`.
type chainRow struct {
	Name   string `json:"name"`
	VM     string `json:"vm"`
	Height uint64 `json:"height"`
	HTTP   string `json:"http"`
}

// chainFlags name a chain at a node.
type chainFlags struct {
	*nodeFlags
	chain string
}

func (a *app) chainFlags(cmd *cobra.Command) *chainFlags {
	c := &chainFlags{nodeFlags: a.nodeFlags(cmd, false)}
	cmd.Flags().StringVar(&c.chain, "chain", "", "name of the chain (default: the first one)")
	return c
}

// find returns the chain, and the node's HTTP address.
func (c *chainFlags) find(ctx context.Context) (gateway.Chain, string, error) {
	_, config, err := c.door()
	if err != nil {
		return gateway.Chain{}, "", err
	}
	info, err := c.nodeInfo(ctx)
	if err != nil {
		return gateway.Chain{}, "", err
	}
	for _, chain := range info.Chains {
		if c.chain == "" || chain.Name == c.chain || chain.ID.String() == c.chain {
			return chain, devnet.Reachable(config.HTTP.Listen), nil
		}
	}
	return gateway.Chain{}, "", errcode.New(errcode.ChainNotFound, "`reeve chain info` lists them.", nil,
		"the node has no chain %s", c.chain)
}

func (a *app) chainHead() *cobra.Command {
	cmd := &cobra.Command{Use: "head", Short: "Print a chain's last accepted block", Args: takes(cobra.NoArgs)}
	c := a.chainFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		chain, _, err := c.find(cmd.Context())
		if err != nil {
			return err
		}
		return a.show(chain, func(t *table) { t.row(chain.Height, chain.LastAccepted) })
	}
	return cmd
}

func (a *app) chainBlock() *cobra.Command {
	cmd := &cobra.Command{Use: "block ID|HEIGHT", Short: "Print an accepted block", Args: takes(cobra.ExactArgs(1))}
	c := a.chainFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		chain, address, err := c.find(cmd.Context())
		if err != nil {
			return err
		}
		b, err := devnet.Block(cmd.Context(), address, chain.Name, args[0])
		if errors.Is(err, gateway.ErrNoBlock) {
			return errcode.New(errcode.ChainNotFound, "", nil, "%s has no accepted block %s", chain.Name, args[0])
		}
		if err != nil {
			return err
		}
		return a.show(b, func(t *table) {
			t.row("block", b.ID)
			t.row("height", b.Height)
			t.row("VM's id", b.VMID)
			t.row("content", len(b.Content), "bytes")
		})
	}
	return cmd
}

func (a *app) chainTx() *cobra.Command {
	cmd := &cobra.Command{
		Use: "tx ID", Short: "Print where a transaction is (chains that serve /tx/<id>, as kvvm does)",
		Args: takes(cobra.ExactArgs(1)),
	}
	c := a.chainFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var id primitives.Hash
		if err := id.UnmarshalText([]byte(args[0])); err != nil {
			return usage(err)
		}
		chain, address, err := c.find(cmd.Context())
		if err != nil {
			return err
		}
		s, err := kv.New("http://"+address, chain.Name).Tx(cmd.Context(), id)
		if errors.Is(err, kv.ErrAbsent) {
			return errcode.New(errcode.ChainNotFound, "", nil, "the node knows no transaction %s", id)
		}
		if err != nil {
			return chainTrouble(cmd.Context(), err)
		}
		return a.show(s, func(t *table) { t.row(s.Status, s.Height) })
	}
	return cmd
}
