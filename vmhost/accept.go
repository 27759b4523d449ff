package vmhost

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/database/remote"
	"github.com/reevenet/reeve/vmhost/record"
)

// onAcceptBlock commits a decided block and what the VM writes for it, together. A repeated acceptance succeeds; one of another
// block at a decided height is a contradiction that must stop the chain.
func (h *handler) onAcceptBlock(m *subsystem.Message, r *vmv1.AcceptBlock) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.AcceptBlockResponse{Error: e} })
	e, err := entryOf(r)
	if err != nil {
		fail(invalid("%v", err))
		return
	}
	h.enqueue(&job{what: "AcceptBlock", fail: fail, begin: func(g *generation) work {
		// Done even when the asker has gone: the decision stands.
		if last := h.record.Last(); e.Height <= last.Height {
			h.acceptAgain(m, e)
			return nil
		} else if e.Height != last.Height+1 {
			fail(corrupt("told to accept height %d after height %d", e.Height, last.Height))
			return nil
		}
		u := h.processing[e.VMBlock]
		return func(ctx context.Context) (func(), error) {
			failure, err := h.accept(ctx, g, e, u)
			if err != nil {
				return nil, err
			}
			return func() { h.accepted(m, e, failure) }, nil
		}
	}})
}

func entryOf(r *vmv1.AcceptBlock) (*record.Entry, error) {
	vmBlock, err := primitives.HashFrom(r.GetVmBlockId())
	if err != nil {
		return nil, fmt.Errorf("VM block: %w", err)
	}
	block, err := primitives.HashFrom(r.GetBlockId())
	if err != nil {
		return nil, fmt.Errorf("consensus block: %w", err)
	}
	from, to := uint64(r.GetVmBlockOffset()), uint64(r.GetVmBlockOffset())+uint64(r.GetVmBlockSize())
	if to > uint64(len(r.GetConsensusBlock())) || from == to {
		return nil, fmt.Errorf("the VM block isn't inside the consensus block: bytes %d to %d of %d", from, to, len(r.GetConsensusBlock()))
	}
	return &record.Entry{
		BlockID: block, VMBlock: vmBlock, Height: r.GetHeight(),
		Consensus: r.GetConsensusBlock(), Content: r.GetConsensusBlock()[from:to],
	}, nil
}

// accept runs off the loop. failure is what the VM says; an error means that the plugin has to be replaced: it may have gone ahead
// of what is on disk.
func (h *handler) accept(ctx context.Context, g *generation, e *record.Entry, u *undecided) (failure *vmv1.Error, err error) {
	if u == nil {
		v, err := g.vm.VerifyBlock(ctx, &pluginv1.VerifyBlockRequest{BlockId: e.VMBlock[:], Content: e.Content})
		if err != nil || v.GetError() != nil {
			return v.GetError(), err
		}
		if height := v.GetBlock().GetHeight(); height != e.Height {
			return corrupt("VM block %v has height %d, consensus decided on it for height %d", e.VMBlock.Short(), height, e.Height), nil
		}
	}
	a, err := g.vm.AcceptBlock(ctx, &pluginv1.AcceptBlockRequest{BlockId: e.VMBlock[:]})
	if err != nil {
		return nil, err
	}
	if a.GetError() != nil {
		return a.GetError(), nil
	}
	// The commit has no deadline: it is either done or the disk is broken.
	if err := h.record.Commit(context.WithoutCancel(ctx), e, remote.BatchOf(a.GetWrites())); err != nil {
		return nil, fmt.Errorf("the block wasn't written to disk: %w", err)
	}
	return nil, nil
}

func (h *handler) accepted(m *subsystem.Message, e *record.Entry, failure *vmv1.Error) {
	if failure == nil {
		delete(h.processing, e.VMBlock)
	}
	m.Reply(&vmv1.AcceptBlockResponse{Error: failure})
}

// acceptAgain answers an acceptance of a height that is decided already.
func (h *handler) acceptAgain(m *subsystem.Message, e *record.Entry) {
	subsystem.Offload(h.sub, func() (*record.Entry, error) {
		return h.record.AtHeight(context.Background(), e.Height)
	}, func(have *record.Entry, err error) {
		switch {
		case err != nil:
			m.Reply(&vmv1.AcceptBlockResponse{Error: corrupt("the record of height %d can't be read: %v", e.Height, err)})
		case have.VMBlock != e.VMBlock || have.BlockID != e.BlockID:
			m.Reply(&vmv1.AcceptBlockResponse{Error: corrupt("height %d was decided for %v, now for %v", e.Height, have.BlockID.Short(), e.BlockID.Short())})
		default:
			m.Reply(&vmv1.AcceptBlockResponse{})
		}
	})
}

// follow moves the record to where a state sync has brought the VM. It runs off the loop.
func (h *handler) follow(ctx context.Context, b *vmv1.Block) error {
	if b.GetHeight() <= h.record.Last().Height {
		return nil
	}
	id, err := primitives.HashFrom(b.GetId())
	if err != nil {
		return err
	}
	return h.record.Jump(ctx, &record.Entry{BlockID: id, VMBlock: id, Height: b.GetHeight(), Content: b.GetContent()})
}
