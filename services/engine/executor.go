package engine

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

const (
	askTimeout = 30 * time.Second
	leastRetry = 20 * time.Millisecond
	mostRetry  = time.Second
)

// executor has the VM's host do what the core wants, in the core's order: a block is verified after its parent, and
// accepted blocks become durable in height order. One thing is asked at a time, but that acceptances in a row go
// together. What can't be asked now is asked again; only an answer ends it. When the VM refuses what consensus has
// decided, the chain halts.
type executor struct {
	sub    *subsystem.Sub
	set    *validators.Set
	host   *hostHealth
	ids    *vmIDs
	blocks func(primitives.Hash) (*block.Block, bool) // the core's, for a host that has forgotten one
	result func(snowman.Input)                        // takes what came of it
	halt   func(what string, err error)

	queue   []*vmOp
	busy    bool
	pause   time.Duration
	stopped bool // nothing is asked again
	halted  bool // nothing is asked
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

	certificate []byte // of the block to accept

	answer *vmv1.AcceptBlockResponse // to an acceptance
	err    error
}

func (x *executor) push(op *vmOp) {
	x.queue = append(x.queue, op)
	x.next()
}

// next begins the oldest operation if none is under way.
func (x *executor) next() {
	if x.busy || len(x.queue) == 0 || x.halted {
		return
	}
	x.busy = true
	op := x.queue[0]
	switch op.kind {
	case opVerify:
		x.about(op, "verify", func() { x.verify(op) })
	case opAccept:
		x.accept()
	case opReject:
		x.about(op, "reject", func() { x.reject(op) })
	case opPrefer:
		x.prefer(op)
	case opState:
		x.setState(op)
	}
}

// about does what is asked about a block as part of the block's trace.
func (x *executor) about(op *vmOp, what string, do func()) {
	id := op.block.ID()
	x.sub.About(id[:], what, do)
}

// finish takes the oldest operations out.
func (x *executor) finish(n int) {
	clear(x.queue[:n])
	x.queue = x.queue[n:]
	if n > 0 {
		x.pause = 0
		x.host.answers()
	}
}

// done ends the operation and then passes the core what came of it, which may want the next ones.
func (x *executor) done(in snowman.Input) {
	x.finish(1)
	x.busy = false
	if in != nil {
		x.result(in)
	}
	x.next()
}

// again asks the same once more after a pause: nobody has judged anything yet.
func (x *executor) again(why string, after time.Duration) {
	if x.stopped {
		return
	}
	if x.host.fails(why) {
		x.sub.Log.Warn("the VM can't be asked now; it will be asked again", "err", why)
	}
	x.pause = min(max(2*x.pause, leastRetry), mostRetry)
	x.sub.After(max(x.pause, min(after, mostRetry)), func() {
		x.busy = false
		x.next()
	})
}

// postponed tells whether an answer says nothing about the block, and has the question asked again.
func (x *executor) postponed(err error, failure *pluginv1.Error) bool {
	switch {
	case err != nil:
		x.again(err.Error(), 0)
	case failure.GetBusy() != nil:
		x.again("busy", failure.GetBusy().GetRetryAfter().AsDuration())
	case failure.GetUnavailable() != nil:
		x.again(describe(failure), failure.GetUnavailable().GetRetryAfter().AsDuration())
	default:
		return false
	}
	return true
}

func (x *executor) prefer(op *vmOp) {
	// Nobody waits for it: a block names its parent when it is built.
	if vmID, known := x.ids.of(op.id); known {
		q := &pluginv1.SetPreferenceRequest{BlockId: vmID[:]}
		subsystem.Ask(x.sub, q, askTimeout, func(*pluginv1.SetPreferenceResponse, error) {})
	}
	x.done(nil)
}

func (x *executor) setState(op *vmOp) {
	q := &pluginv1.SetStateRequest{State: op.state}
	subsystem.Ask(x.sub, q, askTimeout, func(r *pluginv1.SetStateResponse, err error) {
		if x.postponed(err, r.GetError()) {
			return
		}
		if r.GetError() != nil {
			x.sub.Log.Warn("the VM doesn't take its state", "err", describe(r.GetError()))
		}
		x.done(nil)
	})
}

// togetherBytes bounds the acceptances that are asked for at once, and together their number: the bus has room for
// them.
const (
	together      = 64
	togetherBytes = 1 << 20
)

// acceptances are those at the head of the queue, as many as go together.
func (x *executor) acceptances() []*vmOp {
	n, bytes := 0, 0
	for n < min(len(x.queue), together) && x.queue[n].kind == opAccept && bytes < togetherBytes {
		bytes += len(x.queue[n].block.Bytes())
		n++
	}
	return slices.Clone(x.queue[:n])
}
