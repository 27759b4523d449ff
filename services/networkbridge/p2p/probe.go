package p2p

import (
	"context"

	ma "github.com/multiformats/go-multiaddr"

	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// Probe makes one connection, by which the node proves that it is there, and closes it.
func (n *Network) Probe(node primitives.NodeID, at string) {
	n.wg.Go(func() {
		if err := n.probe(node, at); err != nil {
			n.log.Debug("a peer isn't where it says", "peer", node.String(), "address", at, "err", err)
		} else if n.ctx.Err() == nil {
			n.events(nb.Event{Kind: nb.Answered, Peer: node, Address: at})
		}
	})
}

func (n *Network) probe(node primitives.NodeID, at string) error {
	ctx, cancel := context.WithTimeout(n.ctx, dialTimeout)
	defer cancel()
	id, err := PeerID(node)
	if err != nil {
		return err
	}
	addr, err := ma.NewMultiaddr(at)
	if err != nil {
		return err
	}
	c, err := n.dial(ctx, addr, id)
	if err != nil {
		return err
	}
	return c.Close()
}
