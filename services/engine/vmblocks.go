package engine

import (
	"errors"
	"fmt"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// askVerify has the VM judge a block.
func (e *engine) askVerify(op *vmOp) {
	e.verify(op, op.block, func(invalid string) {
		if invalid != "" {
			e.done(snowman.Invalid{ID: op.block.ID(), Reason: invalid})
			return
		}
		e.done(snowman.Verified{ID: op.block.ID()})
	})
}

// verify asks until there is a verdict: valid when invalid is empty. A parent that a restarted host has forgotten is verified first.
func (e *engine) verify(op *vmOp, b *block.Block, then func(invalid string)) {
	q := &pluginv1.VerifyBlockRequest{Content: b.VMBlock(), Context: e.buildContext(b)}
	subsystem.Ask(e.sub, q, askTimeout, func(r *pluginv1.VerifyBlockResponse, err error) {
		failure := r.GetError()
		switch {
		case e.postponed(err, failure):
		case failure == nil:
			then(e.judged(b, r.GetBlock()))
		case failure.GetInvalidBlock() != nil:
			then(failure.GetInvalidBlock().GetReason())
		case failure.GetCorrupt() != nil:
			e.halt("the VM's database is damaged", errors.New(failure.GetCorrupt().GetReason()))
		case failure.GetMissingParent() != nil && e.remind(op, b, then):
		case failure.GetMissingParent() != nil && op.kind == opVerify && b.Parent != e.ids.root:
			then("its parent lost meanwhile")
		default:
			e.again(describe(failure), 0)
		}
	})
}

// remind verifies the parent again, and then the block.
func (e *engine) remind(op *vmOp, b *block.Block, then func(string)) bool {
	parent, ok := e.core.Block(b.Parent)
	if !ok {
		return false
	}
	e.verify(op, parent, func(invalid string) {
		if invalid != "" {
			e.halt(fmt.Sprintf("the VM finds block %s invalid, which it found valid before", parent.ID().Short()), errors.New(invalid))
			return
		}
		e.verify(op, b, then)
	})
	return true
}

// judged checks that the VM block is what the consensus block says: a child of the parent's VM block, at the same height.
func (e *engine) judged(b *block.Block, vm *pluginv1.Block) (invalid string) {
	id, err := primitives.HashFrom(vm.GetId())
	if err != nil {
		return fmt.Sprintf("the VM gives it no id: %v", err)
	}
	parent, known := e.ids.of(b.Parent)
	if got, _ := primitives.HashFrom(vm.GetParentId()); known && got != parent || vm.GetHeight() != b.Height {
		if !e.ids.used(id) {
			e.forgetVMBlock(id)
		}
		return fmt.Sprintf("its VM block is a child of %s at height %d", got.Short(), vm.GetHeight())
	}
	e.ids.add(b.ID(), id)
	return ""
}

// askAccepts has the host make durable what stands decided at the head of the queue, in height order and at once: the disk is then
// waited for once. Catching up brings blocks that haven't been verified; the host does that.
func (e *engine) askAccepts() {
	run := e.vm.accepts()
	left := len(run)
	for _, op := range run {
		subsystem.Ask(e.sub, e.acceptance(op), askTimeout, func(r *vmv1.AcceptBlockResponse, err error) {
			op.answer, op.err = r, err
			if left--; left == 0 {
				e.answered(run)
			}
		})
	}
}

func (e *engine) acceptance(op *vmOp) *vmv1.AcceptBlock {
	b, id := op.block, op.block.ID()
	q := &vmv1.AcceptBlock{
		BlockId: id[:], Height: b.Height, ConsensusBlock: b.Bytes(), Context: e.buildContext(b),
		VmBlockOffset: uint32(b.VMOffset()), VmBlockSize: uint32(len(b.VMBlock())),
	}
	if vmID, known := e.ids.of(id); known {
		q.VmBlockId = vmID[:]
	}
	return q
}

// answered ends the acceptances that went well; the others are asked again.
func (e *engine) answered(run []*vmOp) {
	n := 0
	for n < len(run) && run[n].err == nil && run[n].answer.GetError() == nil {
		n++
	}
	e.finish(n)
	for _, op := range run[:n] {
		id := op.block.ID()
		if vmID, err := primitives.HashFrom(op.answer.GetVmBlockId()); err == nil {
			e.ids.stand(id, vmID)
		}
		e.step(snowman.Committed{ID: id})
	}
	if n == len(run) {
		e.vm.busy = false
		e.nextOp()
		return
	}
	op := run[n]
	switch failure := op.answer.GetError(); {
	case e.postponed(op.err, failure):
	case failure.GetMissingParent() != nil:
		e.again(describe(failure), 0)
	default:
		e.halt(fmt.Sprintf("the VM doesn't accept block %s at height %d, which the network has accepted", op.block.ID().Short(), op.block.Height), errors.New(describe(failure)))
	}
}

// askReject tells the VM that a block lost, unless another block, which didn't, wraps the same VM block.
func (e *engine) askReject(op *vmOp) {
	vmID, known := e.ids.of(op.block.ID())
	e.ids.drop(op.block.ID())
	if !known || e.ids.used(vmID) {
		e.done(nil)
		return
	}
	subsystem.Ask(e.sub, &pluginv1.RejectBlockRequest{BlockId: vmID[:]}, askTimeout, func(r *pluginv1.RejectBlockResponse, err error) {
		switch {
		case e.postponed(err, r.GetError()):
		case r.GetError() != nil && r.GetError().GetNotFound() == nil:
			e.halt(fmt.Sprintf("the VM doesn't reject block %s", op.block.ID().Short()), errors.New(describe(r.GetError())))
		default:
			e.done(nil)
		}
	})
}

// forgetVMBlock takes a VM block back that was verified for nothing.
func (e *engine) forgetVMBlock(id primitives.Hash) {
	subsystem.Ask(e.sub, &pluginv1.RejectBlockRequest{BlockId: id[:]}, askTimeout, func(*pluginv1.RejectBlockResponse, error) {})
}

func (e *engine) imported(b *block.Block) {
	id := b.ID()
	e.sub.Log.Debug("issued", "height", b.Height, "block", id.Short(), "proposer", b.Proposer, "slot", b.Slot)
	e.sub.Send(&overseerv1.BlockImported{Hash: id[:], Parent: b.Parent[:], Number: b.Height})
}

func (e *engine) finalized(b *block.Block) {
	id := b.ID()
	e.sub.Log.Debug("final", "height", b.Height, "block", id.Short())
	e.sub.Send(&overseerv1.BlockAccepted{Hash: id[:], Number: b.Height})
}

// vmIDs maps consensus blocks to the VM blocks that they wrap. Two may wrap the same one.
type vmIDs struct {
	vm   map[primitives.Hash]primitives.Hash
	uses map[primitives.Hash]int
	root primitives.Hash // the last accepted block
}

func newVMIDs() vmIDs {
	return vmIDs{vm: make(map[primitives.Hash]primitives.Hash), uses: make(map[primitives.Hash]int)}
}

func (v *vmIDs) of(id primitives.Hash) (primitives.Hash, bool) {
	vm, ok := v.vm[id]
	return vm, ok
}

func (v *vmIDs) used(vm primitives.Hash) bool { return v.uses[vm] > 0 }

func (v *vmIDs) add(id, vm primitives.Hash) {
	if _, known := v.vm[id]; !known {
		v.vm[id] = vm
		v.uses[vm]++
	}
}

func (v *vmIDs) drop(id primitives.Hash) {
	vm, known := v.vm[id]
	if !known {
		return
	}
	delete(v.vm, id)
	if v.uses[vm]--; v.uses[vm] == 0 {
		delete(v.uses, vm)
	}
}

// stand makes a block the last accepted one; the one before is forgotten.
func (v *vmIDs) stand(id, vm primitives.Hash) {
	if v.root != id {
		v.drop(v.root)
	}
	v.root = id
	v.add(id, vm)
}
