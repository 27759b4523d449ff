package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// accept has the host make durable what stands decided, in height order and several blocks at once: the disk is then
// waited for once. Catching up brings blocks that haven't been verified; the host does that.
func (x *executor) accept(first *vmOp) {
	run, asked := x.acceptances(first), x.sub.Now()
	left := len(run)
	for _, op := range run {
		x.about(op, "accept", func() {
			subsystem.Ask(x.sub, x.acceptance(op), askTimeout, func(r *vmv1.AcceptBlockResponse, err error) {
				op.answer, op.err, op.took = r, err, x.sub.Now().Sub(asked)
				if left--; left == 0 {
					x.accepted(run)
				}
			})
		})
	}
}

// togetherBytes bounds the acceptances that are asked for at once, and together their number: the bus has room for
// them.
const (
	together      = 64
	togetherBytes = 1 << 20
)

// acceptances are the oldest one and those right behind it, as many as go together. One that has failed before is asked
// for alone.
func (x *executor) acceptances(first *vmOp) (run []*vmOp) {
	bytes := 0
	for _, op := range x.queue[slices.Index(x.queue, first):] {
		if op.kind != opAccept || len(run) >= together || bytes >= togetherBytes || len(run) > 0 && first.tries > 0 {
			break
		}
		bytes += len(op.block.Bytes()) + len(op.certificate)
		run = append(run, op)
	}
	return run
}

func (x *executor) acceptance(op *vmOp) *vmv1.AcceptBlock {
	b, id := op.block, op.block.ID()
	q := &vmv1.AcceptBlock{
		BlockId: id[:], Height: b.Height, ConsensusBlock: b.Bytes(),
		Context:     buildContext(x.set, b.Header, b.Inherent()),
		Certificate: op.certificate, VmBlockOffset: uint32(b.VMOffset()), VmBlockSize: uint32(len(b.VMBlock())),
	}
	if vmID, known := x.ids.of(id); known {
		q.VmBlockId = vmID[:]
	}
	return q
}

// accepted ends the acceptances that went well; the others are asked again.
func (x *executor) accepted(run []*vmOp) {
	n := 0
	for n < len(run) && run[n].err == nil && run[n].answer.GetError() == nil {
		n++
	}
	x.finish(run[:n]...)
	for _, op := range run[:n] {
		id := op.block.ID()
		if vmID, err := primitives.HashFrom(op.answer.GetVmBlockId()); err == nil {
			x.ids.stand(id, vmID)
		}
		x.result(snowman.Committed{ID: id})
	}
	if n < len(run) {
		x.notAccepted(run[n])
		return
	}
	x.busy = false
	x.next()
}

// notAccepted halts the chain when the VM refuses the block. When it fails at it, it is asked again and again: the
// block can't be skipped, but all that has nothing to do with it can be done meanwhile.
func (x *executor) notAccepted(op *vmOp) {
	failure := op.answer.GetError()
	w, failed := failing(op.err, failure)
	w.took = op.took
	switch {
	case failed:
		x.later(op, w)
	case failure.GetMissingParent() != nil:
		x.later(op, why{words: describe(failure), host: true})
	case failure.GetInvalidBlock() == nil && failure.GetCorrupt() == nil:
		x.later(op, why{words: describe(failure), answered: true, took: op.took})
	default:
		what := fmt.Sprintf("the VM doesn't accept block %s at height %d, which the network has accepted",
			op.block.ID().Short(), op.block.Height)
		x.halt(what, errors.New(describe(failure)))
	}
}
