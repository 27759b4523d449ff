package engine

import (
	"errors"
	"fmt"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// verify has the VM judge a block.
func (x *executor) verify(op *vmOp) {
	x.judge(op, op.block, func(invalid string) {
		if invalid != "" {
			x.done(snowman.Invalid{ID: op.block.ID(), Reason: invalid})
			return
		}
		x.done(snowman.Verified{ID: op.block.ID()})
	})
}

// judge asks until there is a verdict: valid when invalid is empty. A parent that a restarted host has forgotten is
// verified first.
func (x *executor) judge(op *vmOp, b *block.Block, then func(invalid string)) {
	q := &pluginv1.VerifyBlockRequest{Content: b.VMBlock(), Context: buildContext(x.set, b.Header, b.Inherent())}
	subsystem.Ask(x.sub, q, askTimeout, func(r *pluginv1.VerifyBlockResponse, err error) {
		failure := r.GetError()
		switch {
		case x.postponed(err, failure):
		case failure == nil:
			then(x.matches(b, r.GetBlock()))
		case failure.GetInvalidBlock() != nil:
			then(failure.GetInvalidBlock().GetReason())
		case failure.GetCorrupt() != nil:
			x.halt("the VM's database is damaged", errors.New(failure.GetCorrupt().GetReason()))
		case failure.GetMissingParent() != nil && x.remind(op, b, then):
		case failure.GetMissingParent() != nil && op.kind == opVerify && b.Parent != x.ids.root:
			then("its parent lost meanwhile")
		default:
			x.again(describe(failure), 0)
		}
	})
}

// remind verifies the parent again, and then the block.
func (x *executor) remind(op *vmOp, b *block.Block, then func(string)) bool {
	parent, ok := x.blocks(b.Parent)
	if !ok {
		return false
	}
	x.judge(op, parent, func(invalid string) {
		if invalid != "" {
			what := fmt.Sprintf("the VM finds block %s invalid, which it found valid before", parent.ID().Short())
			x.halt(what, errors.New(invalid))
			return
		}
		x.judge(op, b, then)
	})
	return true
}

// matches checks that the VM block is what the consensus block says: a child of the parent's VM block, at the same
// height.
func (x *executor) matches(b *block.Block, vm *pluginv1.Block) (invalid string) {
	id, err := primitives.HashFrom(vm.GetId())
	if err != nil {
		return fmt.Sprintf("the VM has no id for it: %v", err)
	}
	parent, known := x.ids.of(b.Parent)
	if got, _ := primitives.HashFrom(vm.GetParentId()); known && got != parent || vm.GetHeight() != b.Height {
		if !x.ids.used(id) {
			x.forget(id)
		}
		return fmt.Sprintf("its VM block is a child of %s at height %d", got.Short(), vm.GetHeight())
	}
	x.ids.add(b.ID(), id)
	return ""
}

// forget takes a VM block back that was verified for nothing.
func (x *executor) forget(id primitives.Hash) {
	q := &pluginv1.RejectBlockRequest{BlockId: id[:]}
	subsystem.Ask(x.sub, q, askTimeout, func(*pluginv1.RejectBlockResponse, error) {})
}

// reject notifies the VM that a block lost, unless another block, which didn't, wraps the same VM block.
func (x *executor) reject(op *vmOp) {
	vmID, known := x.ids.of(op.block.ID())
	x.ids.drop(op.block.ID())
	if !known || x.ids.used(vmID) {
		x.done(nil)
		return
	}
	q := &pluginv1.RejectBlockRequest{BlockId: vmID[:]}
	subsystem.Ask(x.sub, q, askTimeout, func(r *pluginv1.RejectBlockResponse, err error) {
		failure := r.GetError()
		switch {
		case x.postponed(err, failure):
		case failure != nil && failure.GetNotFound() == nil:
			x.halt(fmt.Sprintf("the VM doesn't reject block %s", op.block.ID().Short()), errors.New(describe(failure)))
		default:
			x.done(nil)
		}
	})
}
