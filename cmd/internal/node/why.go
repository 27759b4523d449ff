package node

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// nextHeight names the height that is being decided, in place of a block.
const nextHeight = "next"

// why asks the engine what it remembers of a block or height, and the VM's host for the certificate of what is older.
func (n *Node) why(ctx context.Context, a *asker, chain, at string) (*gateway.Why, error) {
	c, ok := n.Genesis.Chain(chain)
	if !ok {
		return nil, fmt.Errorf("%w: this node has no chain %s", gateway.ErrNoBlock, chain)
	}
	set, err := n.Genesis.Set()
	if err != nil {
		return nil, err
	}
	q, id, err := queryFor(at)
	if err != nil {
		return nil, err
	}
	said, err := ask[*enginev1.QueryHeightResponse](ctx, a, c.Name, q)
	if err != nil {
		return nil, err
	}
	w := &whyOf{genesis: n.Genesis, set: set, Why: &gateway.Why{Chain: c.Name, Height: said.GetHeight(), Block: id}}
	if err := w.fill(said); err != nil {
		return nil, err
	}
	if w.Decision == nil && w.Standing == nil {
		return w.Why, n.older(ctx, a, at, w)
	}
	return w.Why, nil
}

// queryFor reads what a client wants to know of.
func queryFor(at string) (q *enginev1.QueryHeight, id primitives.Hash, err error) {
	if at == nextHeight {
		return &enginev1.QueryHeight{}, id, nil
	}
	if height, err := strconv.ParseUint(at, 10, 64); err == nil && height > 0 {
		return &enginev1.QueryHeight{Height: height}, id, nil
	}
	if id.UnmarshalText([]byte(at)) != nil {
		return nil, id, fmt.Errorf("%w: %q is neither an id nor a height that is voted for", gateway.ErrNoBlock, at)
	}
	return &enginev1.QueryHeight{BlockId: id[:]}, id, nil
}

// older fills in what the record has of a height that the engine has forgotten. A block that isn't in the record is
// shown as far as the engine knows it; one of which nobody knows anything is an error.
func (n *Node) older(ctx context.Context, a *asker, at string, w *whyOf) error {
	_, found, err := n.accepted(ctx, a, w.Chain, at)
	switch {
	case errors.Is(err, gateway.ErrNoBlock) && (w.State != "" || len(w.Votes)+len(w.Blocks) > 0):
		return nil
	case err != nil:
		return err
	}
	q := &vmv1.GetConsensusBlock{BlockId: found.GetBlockId()}
	r, err := ask[*vmv1.GetConsensusBlockResponse](ctx, a, w.Chain, q)
	if err != nil {
		return err
	}
	w.Height, w.State = found.GetHeight(), stateNames[enginev1.BlockState_BLOCK_STATE_ACCEPTED]
	return w.decided(r.GetBlock().GetCertificate(), time.Time{}, time.Time{})
}
