package sim

import (
	"context"
	"fmt"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
)

// chainState is what a node has made durable: the id of the block at each height.
type chainState struct {
	ids []primitives.Hash // 0 is the genesis block
	// past has the height of each virtual second so far.
	past []uint64
}

func (c *chainState) height() uint64 { return uint64(max(0, len(c.ids)-1)) }

// committed looks at what the node's VM host has just made durable: one block or several in a row (E1, E2).
func (n *node) committed(db database.Database) {
	r, err := chainstore.Open(context.Background(), db, n.net.chain.ID)
	if err != nil {
		n.net.violate("E2", fmt.Sprintf("node %d: its record can't be read: %v", n.index, err))
		return
	}
	last := r.Last()
	if last == nil || len(n.chain.ids) > 0 && last.Height == n.chain.height() && last.BlockID == n.chain.ids[last.Height] {
		return
	}
	if last.Height < uint64(len(n.chain.ids)) {
		n.net.violate("E2", fmt.Sprintf("node %d: height %d was accepted after height %d", n.index, last.Height, n.chain.height()))
		return
	}
	for height := uint64(len(n.chain.ids)); height <= last.Height; height++ {
		e, err := r.AtHeight(context.Background(), height)
		if err != nil {
			n.net.violate("E2", fmt.Sprintf("node %d: height %d isn't in its record, and %d is: %v", n.index, height, last.Height, err))
			return
		}
		n.follows(e)
		n.chain.ids = append(n.chain.ids, e.BlockID)
		n.net.agree(n, height, e.BlockID)
	}
}

// follows checks that an entry of the record is the child of the one before.
func (n *node) follows(e *chainstore.Entry) {
	if e.Height == 0 {
		return
	}
	b, err := block.Decode(n.net.chain, e.Consensus)
	switch {
	case err != nil:
		n.net.violate("E2", fmt.Sprintf("node %d: the block accepted at height %d can't be read", n.index, e.Height))
	case b.ID() != e.BlockID || b.Height != e.Height || b.Parent != n.chain.ids[e.Height-1]:
		n.net.violate("E2", fmt.Sprintf("node %d: the block accepted at height %d doesn't follow the one before", n.index, e.Height))
	}
}

// agree notes that a node has accepted a block, and that nobody has accepted another one (E1).
func (net *network) agree(n *node, height uint64, id primitives.Hash) {
	net.clock.Trace.Add(uint64(n.index), height)
	net.clock.Trace.Bytes(id[:])
	if net.clock.Trace.Logs() {
		net.clock.Trace.Logf("chain %d: accepted %d %s", n.index, height, id.Short())
	}
	if n.liar {
		return
	}
	if height == uint64(len(net.final)) {
		net.final = append(net.final, id)
		return
	}
	if net.final[height] != id {
		net.violate("E1", fmt.Sprintf("node %d has accepted %s at height %d, another %s", n.index, id.Short(), height, net.final[height].Short()))
	}
}
