package vmhost

import (
	"context"
	"errors"
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/remote"
)

// acceptance is a decided block on its way to disk, and who waits for that.
type acceptance struct {
	m       *subsystem.Message
	entry   *chainstore.Entry
	context *vmv1.BuildContext
	known   *undecided // nil: it has to be verified first
	failure *vmv1.Error
}

func (a *acceptance) fail(e *vmv1.Error) { a.m.Reply(&vmv1.AcceptBlockResponse{Error: e}) }

// onAcceptBlock commits a decided block and what the VM writes for it, together. A repeated acceptance succeeds; one of another
// block at a decided height is a contradiction that must stop the chain.
func (h *handler) onAcceptBlock(m *subsystem.Message, r *vmv1.AcceptBlock) {
	e, err := entryOf(r)
	if err != nil {
		m.Reply(&vmv1.AcceptBlockResponse{Error: invalid("%v", err)})
		return
	}
	h.enqueue(h.acceptAll(&acceptance{m: m, entry: e, context: r.GetContext()}))
}

// acceptAll is a call for blocks that follow one another. It is done even when the askers have gone: the decisions stand.
func (h *handler) acceptAll(list ...*acceptance) *job {
	return &job{what: "AcceptBlock", accepts: list, fail: func(e *vmv1.Error) {
		for _, a := range list {
			a.fail(e)
		}
	}, begin: func(g *generation) work {
		next := h.record.Last()
		var due []*acceptance
		for _, a := range list {
			switch e := a.entry; {
			case e.Height <= next.Height:
				h.acceptAgain(a)
			case e.Height != next.Height+1:
				a.fail(&vmv1.Error{Kind: &vmv1.Error_MissingParent{MissingParent: &vmv1.MissingParent{}}})
			default:
				a.known, a.failure, next = h.processing[e.VMBlock], nil, e
				due = append(due, a)
			}
		}
		if len(due) == 0 {
			return nil
		}
		return func(ctx context.Context) (func(), error) {
			if err := h.accept(ctx, g, due); err != nil {
				return nil, err
			}
			return func() { h.accepted(due) }, nil
		}
	}}
}

func entryOf(r *vmv1.AcceptBlock) (*chainstore.Entry, error) {
	var vmBlock primitives.Hash
	var err error
	if len(r.GetVmBlockId()) > 0 {
		if vmBlock, err = primitives.HashFrom(r.GetVmBlockId()); err != nil {
			return nil, fmt.Errorf("VM block: %w", err)
		}
	}
	block, err := primitives.HashFrom(r.GetBlockId())
	if err != nil {
		return nil, fmt.Errorf("consensus block: %w", err)
	}
	from, to := uint64(r.GetVmBlockOffset()), uint64(r.GetVmBlockOffset())+uint64(r.GetVmBlockSize())
	if to > uint64(len(r.GetConsensusBlock())) || from == to {
		return nil, fmt.Errorf("the VM block isn't inside the consensus block: bytes %d to %d of %d", from, to, len(r.GetConsensusBlock()))
	}
	return &chainstore.Entry{
		BlockID: block, VMBlock: vmBlock, Height: r.GetHeight(),
		Consensus: r.GetConsensusBlock(), Content: r.GetConsensusBlock()[from:to],
	}, nil
}

// accept runs off the loop. It waits for the disk once, with the last block. What the VM says against a block ends the series; an
// error means that the plugin has to be replaced: it may have gone ahead of what is on disk.
func (h *handler) accept(ctx context.Context, g *generation, due []*acceptance) error {
	for i, a := range due {
		last := i == len(due)-1
		err := h.acceptOne(ctx, g, a, database.Durability(last))
		if err == nil && a.failure == nil {
			continue
		}
		for _, b := range due[i+1:] {
			b.failure = &vmv1.Error{Kind: &vmv1.Error_MissingParent{MissingParent: &vmv1.MissingParent{ParentId: a.entry.VMBlock[:]}}}
		}
		return errors.Join(err, h.record.Sync(context.WithoutCancel(ctx)))
	}
	return nil
}

func (h *handler) acceptOne(ctx context.Context, g *generation, a *acceptance, durability database.Durability) error {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.Limits.BlockCall)
	defer cancel()
	if a.known == nil {
		if err := h.verifyDecided(ctx, g, a); err != nil || a.failure != nil {
			return err
		}
	}
	answer, err := g.vm.AcceptBlock(ctx, &pluginv1.AcceptBlockRequest{BlockId: a.entry.VMBlock[:]})
	if err != nil {
		return err
	}
	if a.failure = answer.GetError(); a.failure != nil {
		return nil
	}
	// The commit has no deadline: it is either done or the disk is broken.
	if err := h.record.Commit(context.WithoutCancel(ctx), a.entry, remote.BatchOf(answer.GetWrites()), durability); err != nil {
		return fmt.Errorf("the block wasn't written to disk: %w", err)
	}
	return nil
}

// verifyDecided has the VM verify a block that is decided already, and learns the VM's name of it.
func (h *handler) verifyDecided(ctx context.Context, g *generation, a *acceptance) error {
	e, request := a.entry, &pluginv1.VerifyBlockRequest{Content: a.entry.Content, Context: a.context}
	if !e.VMBlock.IsZero() {
		request.BlockId = e.VMBlock[:]
	}
	v, err := g.vm.VerifyBlock(ctx, request)
	if err == nil {
		err = sane(v.GetError(), v.GetBlock())
	}
	if err != nil {
		return err
	}
	parent, _ := hashOf(v.GetBlock().GetParentId())
	switch head := h.record.Head(); {
	case v.GetError() != nil:
		a.failure = v.GetError()
	case v.GetBlock().GetHeight() != e.Height || parent != head.VMBlock:
		a.failure = corrupt("the VM block of height %d on %v was decided for height %d on %v", v.GetBlock().GetHeight(), parent.Short(), e.Height, head.VMBlock.Short())
	default:
		e.VMBlock, _ = hashOf(v.GetBlock().GetId())
	}
	return nil
}

func (h *handler) accepted(due []*acceptance) {
	for _, a := range due {
		if a.failure != nil {
			a.fail(a.failure)
			continue
		}
		delete(h.processing, a.entry.VMBlock)
		a.m.Reply(&vmv1.AcceptBlockResponse{VmBlockId: a.entry.VMBlock[:]})
	}
}

// acceptAgain answers an acceptance of a height that is decided already.
func (h *handler) acceptAgain(a *acceptance) {
	e := a.entry
	subsystem.Offload(h.sub, func() (*chainstore.Entry, error) {
		return h.record.AtHeight(context.Background(), e.Height)
	}, func(have *chainstore.Entry, err error) {
		switch {
		case err != nil:
			a.fail(corrupt("the record of height %d can't be read: %v", e.Height, err))
		case have.BlockID != e.BlockID || !e.VMBlock.IsZero() && have.VMBlock != e.VMBlock:
			a.fail(corrupt("height %d was decided for %v, now for %v", e.Height, have.BlockID.Short(), e.BlockID.Short()))
		default:
			a.m.Reply(&vmv1.AcceptBlockResponse{VmBlockId: have.VMBlock[:]})
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
	return h.record.Jump(ctx, &chainstore.Entry{BlockID: id, VMBlock: id, Height: b.GetHeight(), Content: b.GetContent()})
}
