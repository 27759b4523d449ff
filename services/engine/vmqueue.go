package engine

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

const (
	askTimeout = 30 * time.Second
	leastRetry = 20 * time.Millisecond
	mostRetry  = time.Second
)

// vmQueue is what has to be asked of the VM's host, in the order in which the core wants it: a block is verified after its parent, and
// accepted blocks become durable in height order. One thing is asked at a time, but that acceptances in a row go together. What can't
// be asked now is asked again; only an answer ends it.
type vmQueue struct {
	ops   []*vmOp
	busy  bool
	pause time.Duration
}

type opKind int

const (
	opVerify opKind = iota
	opAccept
	opReject
	opPrefer
	opState
)

type vmOp struct {
	kind  opKind
	block *block.Block
	id    primitives.Hash // of the preferred block
	state pluginv1.ChainState

	answer *vmv1.AcceptBlockResponse // to an acceptance
	err    error
}

func (q *vmQueue) push(e *engine, op *vmOp) {
	q.ops = append(q.ops, op)
	e.nextOp()
}

// nextOp begins the oldest operation if none is under way.
func (e *engine) nextOp() {
	q := &e.vm
	if q.busy || len(q.ops) == 0 || e.stage == enginev1.Stage_STAGE_HALTED {
		return
	}
	q.busy = true
	op := q.ops[0]
	switch op.kind {
	case opVerify:
		e.askVerify(op)
	case opAccept:
		e.askAccepts()
	case opReject:
		e.askReject(op)
	case opPrefer:
		e.askPrefer(op)
	case opState:
		e.askState(op)
	}
}

// togetherBytes bounds the acceptances that are asked for at once, and together their number: the bus has room for them.
const (
	together      = 64
	togetherBytes = 1 << 20
)

// accepts are the acceptances at the head of the queue, as many as go together.
func (q *vmQueue) accepts() []*vmOp {
	n, bytes := 0, 0
	for n < min(len(q.ops), together) && q.ops[n].kind == opAccept && bytes < togetherBytes {
		bytes += len(q.ops[n].block.Bytes())
		n++
	}
	return slices.Clone(q.ops[:n])
}

// finish takes the oldest operations out.
func (e *engine) finish(n int) {
	clear(e.vm.ops[:n])
	e.vm.ops = e.vm.ops[n:]
	if n > 0 {
		e.vm.pause, e.trouble = 0, ""
	}
}

// done ends the operation and then tells the core, which may want the next ones.
func (e *engine) done(in snowman.Input) {
	e.finish(1)
	e.vm.busy = false
	if in != nil {
		e.step(in)
	}
	e.nextOp()
}

// again asks the same once more after a pause: nobody has judged anything yet.
func (e *engine) again(why string, after time.Duration) {
	q := &e.vm
	if e.stopped {
		return
	}
	if e.trouble == "" {
		e.sub.Log.Warn("the VM can't be asked now; it will be asked again", "cause", why)
	}
	e.trouble = why
	q.pause = min(max(2*q.pause, leastRetry), mostRetry)
	e.sub.After(max(q.pause, min(after, mostRetry)), func() {
		q.busy = false
		e.nextOp()
	})
}

// postponed tells whether an answer says nothing about the block, and has the question asked again.
func (e *engine) postponed(err error, failure *pluginv1.Error) bool {
	switch {
	case err != nil:
		e.again(err.Error(), 0)
	case failure.GetBusy() != nil:
		e.again("busy", failure.GetBusy().GetRetryAfter().AsDuration())
	case failure.GetUnavailable() != nil:
		e.again(describe(failure), failure.GetUnavailable().GetRetryAfter().AsDuration())
	default:
		return false
	}
	return true
}

func (e *engine) buildContext(b *block.Block) *pluginv1.BuildContext {
	return &pluginv1.BuildContext{Inherent: b.Inherent(), Proposer: e.proposerOf(b.Header), Time: timestamppb.New(time.UnixMilli(int64(b.Time)))}
}

func (e *engine) proposerOf(h block.Header) []byte {
	node := e.cfg.Validators.At(int(h.Proposer)).Node
	return node[:]
}

func (e *engine) askPrefer(op *vmOp) {
	vmID, known := e.ids.of(op.id)
	if !known {
		e.done(nil)
		return
	}
	// Only a wish: a block names its parent when it is built.
	subsystem.Ask(e.sub, &pluginv1.SetPreferenceRequest{BlockId: vmID[:]}, askTimeout, func(*pluginv1.SetPreferenceResponse, error) {})
	e.done(nil)
}

func (e *engine) askState(op *vmOp) {
	subsystem.Ask(e.sub, &pluginv1.SetStateRequest{State: op.state}, askTimeout, func(r *pluginv1.SetStateResponse, err error) {
		if !e.postponed(err, r.GetError()) {
			if r.GetError() != nil {
				e.sub.Log.Warn("the VM doesn't take its state", "cause", describe(r.GetError()))
			}
			e.done(nil)
		}
	})
}

// halt stops the chain: the VM refuses what consensus has decided. The cause comes first in the log.
func (e *engine) halt(what string, why error) {
	if e.stopped {
		return
	}
	e.stage, e.stopped = enginev1.Stage_STAGE_HALTED, true
	err := errcode.New(errcode.ChainHalted, "Keep the data directory. Compare this node's VM with the other validators' before starting it again.", why, "%s", what)
	e.sub.Log.Error("the chain stops: "+what, "cause", why)
	e.sub.Fatal(err)
}

func describe(f *pluginv1.Error) string {
	switch k := f.GetKind().(type) {
	case *pluginv1.Error_NotFound:
		return "not found"
	case *pluginv1.Error_NothingToBuild:
		return "nothing to build"
	case *pluginv1.Error_InvalidBlock:
		return "invalid block: " + k.InvalidBlock.GetReason()
	case *pluginv1.Error_MissingParent:
		return "the parent isn't known"
	case *pluginv1.Error_Busy:
		return "busy"
	case *pluginv1.Error_Corrupt:
		return "corrupt: " + k.Corrupt.GetReason()
	case *pluginv1.Error_Unimplemented:
		return "unimplemented: " + k.Unimplemented.GetWhat()
	case *pluginv1.Error_Unavailable:
		return "unavailable: " + k.Unavailable.GetCause()
	case *pluginv1.Error_Internal:
		return "the VM failed: " + k.Internal.GetReason()
	}
	return fmt.Sprintf("an error of an unknown kind: %v", f)
}
