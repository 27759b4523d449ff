package consensus

import (
	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/validatornet"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/vmhost/chainstore"
)

// replica is what one node has of a chain: its database and its VM, and what it has made durable.
type replica struct {
	validatornet.Record
	chain *chain
	node  *sim.Node
	host  *validatornet.Host

	past []uint64 // the height of each virtual second so far
}

func (r *replica) liar() bool { return r.chain.net.lies.is(r.node.Index) }

// floorAge is for how many seconds a height must have been durable before a vote below it is a fault: the votes of a
// process that hung, and those of an engine that has died since, may still be on their way for that long.
const floorAge = 15

// floor is the height that has been durable for so long that no vote may be below it.
func (r *replica) floor() uint64 {
	if len(r.past) < floorAge {
		return 0
	}
	return r.past[len(r.past)-floorAge]
}

func (r *replica) violate(invariant, format string, args ...any) {
	r.chain.net.World.Violate(invariant, "node %d: "+format, append([]any{r.node.Index}, args...)...)
}

// accepted notes a block that the node has just made durable (E1).
func (r *replica) accepted(e *chainstore.Entry, _ *block.Block) {
	r.chain.proofs.certifies(r, e)
	r.chain.agree(r, e.Height, e.BlockID)
}
