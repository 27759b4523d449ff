package vmhost

import (
	"context"
	"fmt"

	"github.com/reevenet/reeve/internal/bus/intercept"
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
	context *pluginv1.BuildContext
	trace   string     // that the decision is part of
	known   *undecided // nil: it has to be verified first
	failure *pluginv1.Error
}

// acceptJob is for blocks that follow one another. It is done even when the askers have gone: the decisions stand.
type acceptJob struct {
	b    *blocks
	list []*acceptance
	// due are those that the record doesn't have yet; at is the one that the call is busy with.
	due []*acceptance
	at  int
}

// onAcceptBlock commits a decided block and what the VM writes for it, together. A repeated acceptance succeeds; one of
// another block at a decided height is a contradiction that must stop the chain.
func (b *blocks) onAcceptBlock(m *subsystem.Message, r *vmv1.AcceptBlock) {
	e, err := entryOf(r)
	if err != nil {
		refuse(m, invalid("%v", err))
		return
	}
	b.queue.add(m, &acceptJob{b: b,
		list: []*acceptance{{m: m, entry: e, context: r.GetContext(), trace: b.sub.Traceparent()}}})
}

func (j *acceptJob) begin(*generation) bool {
	j.due = nil
	next := j.b.store.Last()
	for _, a := range j.list {
		switch e := a.entry; {
		case e.Height <= next.Height:
			j.b.acceptAgain(a)
		case e.Height != next.Height+1:
			refuse(a.m, missingParent(nil))
		case j.b.held(a.m, e.Content): // and those above it have no parent
		default:
			a.known, a.failure, next = j.b.processing[e.VMBlock], nil, e
			j.due = append(j.due, a)
		}
	}
	return len(j.due) > 0
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
		return nil, fmt.Errorf("the VM block isn't inside the consensus block: bytes %d to %d of %d", from, to,
			len(r.GetConsensusBlock()))
	}
	return &chainstore.Entry{
		BlockID: block, VMBlock: vmBlock, Height: r.GetHeight(),
		Consensus: r.GetConsensusBlock(), Content: r.GetConsensusBlock()[from:to], Certificate: r.GetCertificate(),
	}, nil
}

// call waits for the disk once, with the last block. What the VM says against a block ends the series; an error means
// that the plugin has to be replaced: it may have gone ahead of what is on disk.
func (j *acceptJob) call(ctx context.Context, g *generation) error {
	for i, a := range j.due {
		j.at = i
		last := i == len(j.due)-1
		err := j.b.acceptOne(ctx, g, a, database.Durability(last))
		if err == nil && a.failure == nil {
			continue
		}
		for _, later := range j.due[i+1:] {
			later.failure = missingParent(a.entry.VMBlock[:])
		}
		if unsynced := j.b.store.Sync(context.WithoutCancel(ctx)); unsynced != nil {
			return &diskError{unsynced}
		}
		return err
	}
	return nil
}

func (j *acceptJob) contents() [][]byte { return [][]byte{j.due[j.at].entry.Content} }

// abandon: those below the block that the plugin ended on are durable, those above it have no parent.
func (j *acceptJob) abandon(e *pluginv1.Error) {
	j.due[j.at].failure = e
	j.finish(nil)
}

func (j *acceptJob) finish(*generation) {
	for _, a := range j.due {
		if a.failure != nil {
			refuse(a.m, ofTheVM(a.failure))
			if a.failure.GetNotFound() != nil {
				delete(j.b.processing, a.entry.VMBlock) // it is verified before it is asked about again
			}
			continue
		}
		delete(j.b.processing, a.entry.VMBlock)
		j.b.queue.suspects.clear(a.entry.Content)
		a.m.Reply(&vmv1.AcceptBlockResponse{VmBlockId: a.entry.VMBlock[:]})
		j.b.durable.tell()
	}
}

// diskError is the disk's fault: no block is to blame. The plugin is replaced, as it may have gone ahead of what is on
// disk.
type diskError struct{ cause error }

func (e *diskError) Error() string { return "the block wasn't written to disk: " + e.cause.Error() }

func (e *diskError) Unwrap() error { return e.cause }

func (b *blocks) acceptOne(ctx context.Context, g *generation, a *acceptance, durability database.Durability) error {
	ctx, cancel := context.WithTimeout(intercept.Continue(ctx, a.trace), b.queue.limits.BlockCall)
	defer cancel()
	if a.known == nil {
		if err := b.verifyDecided(ctx, g, a); err != nil || a.failure != nil {
			return err
		}
	}
	if a.known == nil || !a.known.confirmed {
		if err := confirm(ctx, g, a.entry.Content, a.entry.VMBlock); err != nil {
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
	if err := b.store.Commit(context.WithoutCancel(ctx), a.entry, remote.BatchOf(answer.GetWrites()),
		durability); err != nil {
		return &diskError{err}
	}
	return nil
}

// verifyDecided has the VM verify a block that is decided already, and learns the VM's name of it.
func (b *blocks) verifyDecided(ctx context.Context, g *generation, a *acceptance) error {
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
	switch head := b.store.Head(); {
	case v.GetError() != nil:
		a.failure = v.GetError()
	case v.GetBlock().GetHeight() != e.Height || parent != head.VMBlock:
		a.failure = corrupt("the VM block of height %d on %v was decided for height %d on %v",
			v.GetBlock().GetHeight(), parent.Short(), e.Height, head.VMBlock.Short())
	default:
		e.VMBlock, _ = hashOf(v.GetBlock().GetId())
	}
	return nil
}

// acceptAgain answers an acceptance of a height that is decided already.
func (b *blocks) acceptAgain(a *acceptance) {
	e := a.entry
	subsystem.Offload(b.sub, func() (*chainstore.Entry, error) {
		return b.store.AtHeight(context.Background(), e.Height)
	}, func(have *chainstore.Entry, err error) {
		switch {
		case err != nil:
			refuse(a.m, corrupt("the record of height %d can't be read: %v", e.Height, err))
		case have.BlockID != e.BlockID || !e.VMBlock.IsZero() && have.VMBlock != e.VMBlock:
			refuse(a.m, corrupt("height %d was decided for %v, now for %v", e.Height, have.BlockID.Short(),
				e.BlockID.Short()))
		default:
			a.m.Reply(&vmv1.AcceptBlockResponse{VmBlockId: have.VMBlock[:]})
		}
	})
}
