package consensus

import (
	"context"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/cmd/internal/sim/scenario/validatornet"
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
)

// replica is what one node has of a chain: its database and its VM, and what it has made durable.
type replica struct {
	chain *chain
	node  *sim.Node
	host  *validatornet.Host

	ids  []primitives.Hash // of the durable blocks by height; 0 is the genesis block
	past []uint64          // the height of each virtual second so far
}

func (r *replica) liar() bool { return r.chain.net.lies.is(r.node.Index) }

func (r *replica) height() uint64 { return uint64(max(0, len(r.ids)-1)) }

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

// committed looks at what the node's VM host has just made durable: one block or several in a row (E1, E2).
func (r *replica) committed(db database.Database) {
	record, err := chainstore.Open(context.Background(), db, r.chain.id.ID)
	if err != nil {
		r.violate("E2", "its record can't be read: %v", err)
		return
	}
	last, next := record.Last(), uint64(len(r.ids))
	switch {
	case last == nil || next > 0 && last.Height == r.height() && last.BlockID == r.ids[last.Height]:
		return
	case last.Height < next:
		r.violate("E2", "height %d was accepted after height %d", last.Height, r.height())
		return
	}
	for height := next; height <= last.Height; height++ {
		e, err := record.AtHeight(context.Background(), height)
		if err != nil {
			r.violate("E2", "height %d isn't in its record, and %d is: %v", height, last.Height, err)
			return
		}
		r.follows(e)
		r.chain.proofs.certifies(r, e)
		r.ids = append(r.ids, e.BlockID)
		r.chain.agree(r, height, e.BlockID)
	}
}

// follows checks that an entry of the record is the child of the one before.
func (r *replica) follows(e *chainstore.Entry) {
	if e.Height == 0 {
		return
	}
	b, err := block.Decode(r.chain.id, e.Consensus)
	switch {
	case err != nil:
		r.violate("E2", "the block accepted at height %d can't be read", e.Height)
	case b.ID() != e.BlockID || b.Height != e.Height || b.Parent != r.ids[e.Height-1]:
		r.violate("E2", "the block accepted at height %d doesn't follow the one before", e.Height)
	}
}
