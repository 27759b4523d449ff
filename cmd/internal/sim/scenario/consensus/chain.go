package consensus

import (
	"fmt"
	"strings"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/validatornet"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/vmhost/kvvm"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// chain is one chain, with what every node has of it.
type chain struct {
	net        *network
	index      int
	genesis    genesis.Chain
	id         block.Chain
	replicas   []*replica // by node
	users      *workload
	votes      *votes
	proofs     proofs
	signatures *validatornet.Signatures
	final      []primitives.Hash // what honest nodes have accepted; 0 is the genesis block
	heights    *uint64
}

func newChain(net *network, g genesis.Chain) *chain {
	c := &chain{
		net: net, index: len(net.chains), genesis: g, id: block.Chain{NetworkID: validatornet.Number, ID: g.ID},
		heights: net.World.Progress("heights"),
	}
	c.users, c.votes, c.proofs = newWorkload(c), newVotes(c), proofs{c}
	c.signatures = validatornet.NewSignatures(c.id, net.Set)
	return c
}

func (c *chain) add(n *sim.Node) {
	r := &replica{chain: c, node: n}
	r.host = validatornet.NewHost(n, func() vmsdk.VM { return &kvvm.VM{} }, r.Read)
	r.Record = validatornet.Record{Chain: c.id, Accepted: r.accepted, Violate: r.violate}
	c.replicas = append(c.replicas, r)
}

// agree notes that a node has accepted a block, and that nobody has accepted another one (E1).
func (c *chain) agree(r *replica, height uint64, id primitives.Hash) {
	w := c.net.World
	w.Clock.Trace.Add(uint64(c.index), uint64(r.node.Index), height)
	w.Clock.Trace.Bytes(id[:])
	if w.Logs() {
		w.Clock.Trace.Logf("chain %s: node %d accepted %d %s", c.genesis.Name, r.node.Index, height, id.Short())
	}
	if r.liar() {
		return
	}
	c.net.lies.late.decided(height)
	if height == uint64(len(c.final)) {
		c.final = append(c.final, id)
		if height > 0 {
			c.net.ahead.decided(r, height)
			*c.heights++
		}
		return
	}
	if c.final[height] != id {
		r.violate("E1", "it has accepted %s at height %d, another %s", id.Short(), height, c.final[height].Short())
	}
}

// tip is the last block that honest nodes have accepted.
func (c *chain) tip() (id primitives.Hash) {
	if n := len(c.final); n > 0 {
		return c.final[n-1]
	}
	return id
}

// remember notes once in a virtual second what every node has, for those whose votes fall behind it (E3).
func (c *chain) remember() {
	for _, r := range c.replicas {
		r.past = append(r.past, r.Height())
	}
}

// reached tells whether every honest node has accepted so many blocks.
func (c *chain) reached(height uint64) bool {
	for _, r := range c.replicas {
		if !r.liar() && r.Height() < height {
			return false
		}
	}
	return true
}

// settled tells whether everything is decided everywhere.
func (c *chain) settled() bool {
	for _, r := range c.replicas {
		if !r.liar() && len(r.IDs) != len(c.final) {
			return false
		}
	}
	return c.users.open() == 0 && c.users.kept()
}

// String says how far it is.
func (c *chain) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "chain %s: %d transactions are open; heights", c.genesis.Name, c.users.open())
	for _, r := range c.replicas {
		fmt.Fprintf(&b, " %d", r.Height())
		if r.liar() {
			b.WriteString("(liar)")
		}
	}
	return b.String()
}
