package node

import (
	"context"
	"fmt"
	"strconv"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/genesis"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// mailboxes shows the bus.
func mailboxes(bus broker.Status) []gateway.Mailbox {
	list := make([]gateway.Mailbox, 0, len(bus.Subsystems))
	for _, s := range bus.Subsystems {
		m := gateway.Mailbox{
			Subsystem: s.Name, Chain: s.Chain, Class: s.Class, Waiting: s.Waiting, Instances: []gateway.Instance{},
			Lanes: []gateway.Lane{},
		}
		for _, i := range s.Instances {
			m.Instances = append(m.Instances, gateway.Instance{
				Name: i.Name, PID: i.Pid, Generation: i.Generation, Standby: i.Standby, Since: i.Since,
				Queued: i.Queued, InFlight: i.InFlight, RSSBytes: i.RSS,
			})
		}
		for lane, l := range s.Lanes {
			if l.Delivered > 0 {
				m.Lanes = append(m.Lanes,
					gateway.Lane{Name: laneName(lane), Messages: l.Delivered, Bytes: l.Bytes,
						QueuedSeconds: float64(l.QueueNanos) / 1e9})
			}
		}
		list = append(list, m)
	}
	return list
}

// block describes an accepted block.
func (n *Node) block(ctx context.Context, a *asker, chain, at string) (*gateway.Block, error) {
	c, found, err := n.accepted(ctx, a, chain, at)
	if err != nil {
		return nil, err
	}
	return n.withContent(ctx, a, c.Name, found)
}

// accepted finds an accepted block of one of the node's chains by consensus's id or by height.
func (n *Node) accepted(
	ctx context.Context, a *asker, chain, at string,
) (c genesis.Chain, b *vmv1.AcceptedBlock, err error) {
	c, ok := n.Genesis.Chain(chain)
	if !ok {
		return c, nil, fmt.Errorf("%w: this node has no chain %s", gateway.ErrNoBlock, chain)
	}
	var id primitives.Hash
	if height, err := strconv.ParseUint(at, 10, 64); err == nil {
		r, err := ask[*vmv1.GetBlockIDAtHeightResponse](ctx, a, c.Name, &vmv1.GetBlockIDAtHeight{Height: height})
		if err != nil {
			return c, nil, err
		}
		b = r.GetBlock()
	} else if err := id.UnmarshalText([]byte(at)); err == nil {
		r, err := ask[*vmv1.GetConsensusBlockResponse](ctx, a, c.Name, &vmv1.GetConsensusBlock{BlockId: id[:]})
		if err != nil {
			return c, nil, err
		}
		b = r.GetBlock()
	}
	if b == nil {
		return c, nil, gateway.ErrNoBlock
	}
	return c, b, nil
}

// withContent adds what the VM has in the block.
func (n *Node) withContent(ctx context.Context, a *asker, chain string, accepted *vmv1.AcceptedBlock) (*gateway.Block,
	error) {
	b := &gateway.Block{Chain: chain, Height: accepted.GetHeight()}
	var err error
	if b.ID, err = primitives.HashFrom(accepted.GetBlockId()); err != nil {
		return nil, err
	}
	if b.VMID, err = primitives.HashFrom(accepted.GetVmBlockId()); err != nil {
		return nil, err
	}
	r, err := ask[*vmv1.GetBlockResponse](ctx, a, chain, &vmv1.GetBlock{VmBlockId: b.VMID[:]})
	if err != nil {
		return nil, err
	}
	b.Content = r.GetBlock().GetContent()
	if r.GetSince() != nil {
		b.Accepted = r.GetSince().AsTime()
	}
	return b, nil
}
