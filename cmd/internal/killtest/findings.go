package killtest

import (
	"context"
	"fmt"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
	"github.com/reevenet/reeve/internal/core/primitives"
	kv "github.com/reevenet/reeve/vmhost/kvvm/client"
)

// Findings are what must hold whatever was done to a network: what was told final is there, on all nodes, in the same
// blocks.
type Findings struct {
	Posted     int     `json:"posted"`
	Final      int     `json:"final"`
	Unfinished int     `json:"unfinished"` // posted and never told final
	Heights    int     `json:"heights"`    // compared on all nodes
	Faults     []Fault `json:"faults"`
}

// Fault is something that must not happen.
type Fault string

func (f *Findings) fault(format string, args ...any) {
	f.Faults = append(f.Faults, Fault(fmt.Sprintf(format, args...)))
}

// fill takes what the load and the watcher have counted; both have ended.
func (f *Findings) fill(l *load, w *watcher) {
	f.Faults = append([]Fault{}, f.Faults...) // never null in JSON
	f.Posted, f.Final, f.Unfinished, f.Heights = l.posted, len(l.final), l.failed, len(w.blocks)
	for _, c := range w.conflicts {
		f.fault("two blocks at one height: %s", c)
	}
}

// settleTime is how long the nodes may take to agree on their heads after the load has ended.
const settleTime = 10 * time.Second

// verify looks for lost blocks and transactions on every node.
func (f *Findings) verify(ctx context.Context, s *devnet.Status, l *load, w *watcher) error {
	clients := clientsOf(s, w.chain)
	if err := settle(ctx, clients); err != nil {
		f.fault("%v", err)
	}
	for i, c := range clients {
		for _, tx := range l.final {
			if st, err := c.Tx(ctx, tx); err != nil || !st.Accepted() {
				f.fault("transaction %s was final and isn't on %s: %v", tx.Short(), s.Nodes[i].Name, err)
			}
		}
	}
	for height, id := range w.blocks {
		for _, n := range s.Nodes {
			if err := sameBlock(ctx, n, w.chain, height, id); err != nil {
				f.fault("%v", err)
			}
		}
	}
	return ctx.Err()
}

func clientsOf(s *devnet.Status, chain string) (list []*kv.Client) {
	for _, n := range s.Nodes {
		list = append(list, kv.New(n.HTTP, chain))
	}
	return list
}

func sameBlock(ctx context.Context, n devnet.NodeStatus, chain string, height uint64, id primitives.Hash) error {
	b, err := devnet.Block(ctx, n.HTTP[len("http://"):], chain, fmt.Sprint(height))
	if err != nil {
		return fmt.Errorf("height %d on %s: %w", height, n.Name, err)
	}
	if b.VMID != id {
		return fmt.Errorf("height %d: %s was accepted, %s has %s", height, id.Short(), n.Name, b.VMID.Short())
	}
	return nil
}

// settle waits until all nodes have the same head.
func settle(ctx context.Context, clients []*kv.Client) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for {
		heads := map[primitives.Hash]bool{}
		for _, c := range clients {
			if h, err := c.Head(ctx); err == nil {
				heads[h.Block] = true
			} else {
				heads[primitives.Hash{}] = true
			}
		}
		if len(heads) == 1 && !heads[primitives.Hash{}] {
			return nil
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("the nodes still have %d different heads after %v", len(heads), settleTime)
		}
	}
}
