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
	x.judge(op.block, true, func(j judgement) {
		switch {
		case j.found == foundValid:
			x.done(op, snowman.Verified{ID: op.block.ID()})
		case j.found == foundInvalid:
			x.sub.Log.Info("the VM finds a block invalid", "block", op.block.ID().Short(), "height", op.block.Height,
				"proposer", op.block.Proposer, "err", j.words)
			x.done(op, snowman.Invalid{ID: op.block.ID(), Reason: j.words})
		case j.lost && op.block.Parent != x.ids.root:
			x.done(op, snowman.Invalid{ID: op.block.ID(), Reason: "its parent lost meanwhile"})
		default:
			x.later(op, j.why)
		}
	})
}

// judgement is what the VM says of a block.
type judgement struct {
	found finding
	why        // when it was found invalid, or nothing was found
	lost  bool // nothing was found, as the VM doesn't know the parent, and the core doesn't either
}

type finding uint8

const (
	foundNothing finding = iota
	foundValid
	foundInvalid
)

// judge asks about a block once. With remind, a parent that a restarted host has forgotten is verified first.
func (x *executor) judge(b *block.Block, remind bool, then func(judgement)) {
	id := b.ID()
	q := &pluginv1.VerifyBlockRequest{
		Content: b.VMBlock(), Context: buildContext(x.set, b.Header, b.Inherent()), ConsensusBlockId: id[:],
	}
	asked := x.sub.Now()
	subsystem.Ask(x.sub, q, askTimeout, func(r *pluginv1.VerifyBlockResponse, err error) {
		failure, took := r.GetError(), x.sub.Now().Sub(asked)
		w, failed := failing(err, failure)
		w.took = took
		switch {
		case failed:
			then(judgement{why: w})
		case failure == nil:
			then(x.matches(b, r.GetBlock()))
		case failure.GetInvalidBlock() != nil:
			then(judgement{found: foundInvalid, why: why{words: failure.GetInvalidBlock().GetReason()}})
		case failure.GetCorrupt() != nil:
			x.halt("the VM's database is damaged", errors.New(failure.GetCorrupt().GetReason()))
		case failure.GetMissingParent() != nil && remind:
			x.remind(b, then)
		default:
			then(judgement{why: why{words: describe(failure), answered: true, took: took}})
		}
	})
}

// remind verifies the parent again, and then the block.
func (x *executor) remind(b *block.Block, then func(judgement)) {
	parent, ok := x.blocks(b.Parent)
	if !ok {
		then(judgement{lost: true, why: why{words: "the VM doesn't know the block's parent", answered: true}})
		return
	}
	if s := x.stuck(); s != nil && s.block.ID() == b.Parent {
		then(judgement{why: why{words: "the VM can't execute the block's parent: " + s.why, answered: true}})
		return
	}
	x.judge(parent, true, func(j judgement) {
		switch j.found {
		case foundValid:
			x.judge(b, false, then)
		case foundInvalid:
			what := "the VM finds block %s invalid, which stands above the last accepted one"
			x.halt(fmt.Sprintf(what, parent.ID().Short()), errors.New(j.words))
		default:
			j.words, j.lost = "the block's parent: "+j.words, false
			then(j)
		}
	})
}

// matches checks that the VM block is what the consensus block says: a child of the parent's VM block, at the same
// height.
func (x *executor) matches(b *block.Block, vm *pluginv1.Block) judgement {
	id, err := primitives.HashFrom(vm.GetId())
	if err != nil {
		return judgement{found: foundInvalid, why: why{words: fmt.Sprintf("the VM has no id for it: %v", err)}}
	}
	parent, known := x.ids.of(b.Parent)
	if got, _ := primitives.HashFrom(vm.GetParentId()); known && got != parent || vm.GetHeight() != b.Height {
		if !x.ids.used(id) {
			x.forget(id)
		}
		words := fmt.Sprintf("its VM block is a child of %s at height %d", got.Short(), vm.GetHeight())
		return judgement{found: foundInvalid, why: why{words: words}}
	}
	x.ids.add(b.ID(), id)
	return judgement{found: foundValid}
}

// forget takes a VM block back that was verified for nothing.
func (x *executor) forget(id primitives.Hash) {
	q := &pluginv1.RejectBlockRequest{BlockId: id[:]}
	subsystem.Ask(x.sub, q, askTimeout, func(*pluginv1.RejectBlockResponse, error) {})
}

// reject notifies the VM that a block lost, unless another block, which didn't, wraps the same VM block.
func (x *executor) reject(op *vmOp) {
	if op.id.IsZero() {
		op.id, _ = x.ids.of(op.block.ID())
		x.ids.drop(op.block.ID())
	}
	if op.id.IsZero() || x.ids.used(op.id) {
		x.skip(op)
		return
	}
	q := &pluginv1.RejectBlockRequest{BlockId: op.id[:]}
	asked := x.sub.Now()
	subsystem.Ask(x.sub, q, askTimeout, func(r *pluginv1.RejectBlockResponse, err error) {
		failure := r.GetError()
		w, failed := failing(err, failure)
		w.took = x.sub.Now().Sub(asked)
		switch {
		case failed:
			x.later(op, w)
		case failure != nil && failure.GetNotFound() == nil:
			x.halt(fmt.Sprintf("the VM doesn't reject block %s", op.block.ID().Short()), errors.New(describe(failure)))
		default:
			x.done(op, nil)
		}
	})
}
