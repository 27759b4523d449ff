package main

import (
	"context"
	"fmt"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// kvChain is the name of the chain that runs kvvm.
const kvChain = "kv"

// demo sends some transactions, each to another node, and shows that all nodes have them.
func (u *upFlags) demo(ctx context.Context, s *devnet.Status) error {
	if u.transactions == 0 {
		return nil
	}
	chain := s.Nodes[0].Chains[0]
	if chain != kvChain {
		u.app.say("  no transactions are sent: reeve knows how to make those of kvvm only")
		return nil
	}
	u.app.say("")
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
		u.app.say("  transaction %s posted to %s: final in block %d after %.0f ms, readable on all %d nodes", f.Tx.Short(), node.Name, f.Height, f.Millis, len(s.Nodes))
	}
	return u.app.sameHead(ctx, s)
}

// sameHead shows that all nodes accepted the same block.
func (a *app) sameHead(ctx context.Context, s *devnet.Status) error {
	var first *kv.Head
	for _, n := range s.Nodes {
		h, err := kv.New(n.HTTP, n.Chains[0]).Head(ctx)
		if err != nil {
			return chainTrouble(ctx, err)
		}
		if first == nil {
			first = h
		}
		if h.Height == first.Height && h.Block != first.Block {
			return fmt.Errorf("at height %d node %s has block %s and node %s has %s", h.Height, s.Nodes[0].Name, first.Block, n.Name, h.Block)
		}
	}
	a.say("  all nodes: height %d, state %s", first.Height, first.StateRoot.Short())
	return nil
}
