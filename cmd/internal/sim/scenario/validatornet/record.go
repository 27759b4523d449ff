package validatornet

import (
	"context"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
)

// Record follows what a node has made durable of a chain, and checks that it is one chain, each block once, in order,
// parent first (E2).
type Record struct {
	Chain block.Chain
	// Accepted is called with each block in turn; block is nil for the genesis block.
	Accepted func(e *chainstore.Entry, b *block.Block)
	// Violate is told what isn't so.
	Violate func(invariant, format string, args ...any)

	IDs []primitives.Hash // of the durable blocks by height; 0 is the genesis block
}

// Height is that of the last durable block.
func (r *Record) Height() uint64 { return uint64(max(0, len(r.IDs)-1)) }

// Read looks at what the node's VM host has just made durable: one block or several in a row.
func (r *Record) Read(db database.Database) {
	record, err := chainstore.Open(context.Background(), db, r.Chain.ID)
	if err != nil {
		r.Violate("E2", "its record can't be read: %v", err)
		return
	}
	last, next := record.Last(), uint64(len(r.IDs))
	switch {
	case last == nil || next > 0 && last.Height == r.Height() && last.BlockID == r.IDs[last.Height]:
		return
	case last.Height < next:
		r.Violate("E2", "height %d was accepted after height %d", last.Height, r.Height())
		return
	}
	for height := next; height <= last.Height; height++ {
		e, err := record.AtHeight(context.Background(), height)
		if err != nil {
			r.Violate("E2", "height %d isn't in its record, and %d is: %v", height, last.Height, err)
			return
		}
		b := r.follows(e)
		r.IDs = append(r.IDs, e.BlockID)
		r.Accepted(e, b)
	}
}

// follows checks that an entry of the record is the child of the one before.
func (r *Record) follows(e *chainstore.Entry) *block.Block {
	if e.Height == 0 {
		return nil
	}
	b, err := block.Decode(r.Chain, e.Consensus)
	switch {
	case err != nil:
		r.Violate("E2", "the block accepted at height %d can't be read", e.Height)
	case b.ID() != e.BlockID || b.Height != e.Height || b.Parent != r.IDs[e.Height-1]:
		r.Violate("E2", "the block accepted at height %d doesn't follow the one before", e.Height)
	}
	return b
}
