package main

import (
	"context"
	"fmt"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// What `reeve devnet up` makes unless it is told otherwise: a chain called kv, whose VM is kvvm.
const (
	kvChain = "kv"
	kvVM    = "kvvm"
)

// onChain is the flag that names a chain to the kv commands, where that isn't the default.
func onChain(chain string) string {
	if chain == kvChain {
		return ""
	}
	return " --chain " + chain
}

// demo sends some transactions to each chain of key-value VMs, each to another node, and shows that all nodes have
// them.
func (u *upFlags) demo(ctx context.Context, s *devnet.Status) error {
	if u.transactions == 0 {
		return nil
	}
	for _, head := range s.Nodes[0].Heads {
		u.app.say("")
		if head.VM != kvVM {
			u.app.say("  no transactions are sent to %s: reeve knows how to make those of kvvm only", head.Chain)
			continue
		}
		if err := u.demoOn(ctx, s, head.Chain); err != nil {
			return err
		}
	}
	return nil
}

func (u *upFlags) demoOn(ctx context.Context, s *devnet.Status, chain string) error {
	for i := range u.transactions {
		node := s.Nodes[i%len(s.Nodes)]
		key, value := fmt.Sprintf("greeting-%d", i+1), "hello from "+node.Name
		f, err := kv.New(node.HTTP, chain).Put(ctx, kv.NewAccount(), 0, key, value)
		if err != nil {
			return chainTrouble(ctx, err)
		}
		for _, other := range s.Nodes {
			if _, err := kv.New(other.HTTP, chain).GetWhenThere(ctx, key, value); err != nil {
				return chainTrouble(ctx, err)
			}
		}
		u.app.say("  transaction %s posted to %s: final in block %d of %s after %.0f ms, readable on all %d nodes",
			f.Tx.Short(), node.Name, f.Height, chain, f.Millis, len(s.Nodes))
	}
	return u.app.sameHead(ctx, s, chain)
}

// sameHead shows that all nodes accepted the same block of a chain.
func (a *app) sameHead(ctx context.Context, s *devnet.Status, chain string) error {
	var first *kv.Head
	for _, n := range s.Nodes {
		h, err := kv.New(n.HTTP, chain).Head(ctx)
		if err != nil {
			return chainTrouble(ctx, err)
		}
		if first == nil {
			first = h
		}
		if h.Height == first.Height && h.Block != first.Block {
			return fmt.Errorf("at height %d node %s has block %s and node %s has %s",
				h.Height, s.Nodes[0].Name, first.Block, n.Name, h.Block)
		}
	}
	a.say("  all nodes: height %d, state %s", first.Height, first.StateRoot.Short())
	return nil
}
