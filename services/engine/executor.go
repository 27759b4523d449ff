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
)

const (
	askTimeout = 30 * time.Second
	leastRetry = 20 * time.Millisecond
	mostRetry  = time.Second
)

// longer is the pause after one in which nothing has changed.
func longer(pause time.Duration) time.Duration { return min(max(2*pause, leastRetry), mostRetry) }

// executor has the VM's host do what the core wants. One thing is asked at a time, the oldest that can be, but that
// acceptances in a row go together; accepted blocks become durable in height order, and nothing is rejected before what
// it lost to is durable. Beyond that nothing waits for anything else: what can't be done now is left for later, and the
// next thing has its turn. A block that the VM can't judge goes back to the core; one that is decided is asked about
// until the VM executes it. When the VM refuses what consensus has decided, the chain halts.
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
	served  uint64        // how many things the host has done
	rest    time.Time     // nothing is asked before: the host couldn't be
	pause   time.Duration // before rest, the last time
	timer   func()        // cancels the next look; nil: none is set
	stopped bool          // nothing is asked again
	halted  bool          // nothing is asked
}

func (x *executor) push(op *vmOp) {
	if op.kind == opPrefer { // only the last one matters, and votes can change it for as long as the host is away
		x.queue = slices.DeleteFunc(x.queue, func(old *vmOp) bool { return old.kind == opPrefer })
	}
	x.queue = append(x.queue, op)
	x.next()
}

// next begins an operation if none is under way, or sets a timer for when one may begin.
func (x *executor) next() {
	if x.busy || x.halted {
		return
	}
	op, at := x.ready(x.sub.Now())
	if op == nil {
		x.wake(at)
		return
	}
	x.busy = true
	switch op.kind {
	case opVerify:
		x.about(op, "verify", func() { x.verify(op) })
	case opAccept:
		x.accept(op)
	case opReject:
		x.about(op, "reject", func() { x.reject(op) })
	case opPrefer:
		x.prefer(op)
	case opState:
		x.setState(op)
	}
}

// ready is the oldest operation that may begin, one that is doubted after all others; nil: none may before at, or there
// is none at all.
func (x *executor) ready(now time.Time) (first *vmOp, at time.Time) {
	accepting := false // a block that is older than what follows
	for _, op := range x.queue {
		decided := op.kind == opAccept || op.kind == opReject
		due := op.notBefore
		if due.Before(x.rest) {
			due = x.rest
		}
		switch {
		case accepting && decided:
		case now.Before(due):
			if at.IsZero() || due.Before(at) {
				at = due
			}
		case !op.doubted:
			return op, at
		case first == nil:
			first = op
		}
		accepting = accepting || op.kind == opAccept
	}
	return first, at
}

// wake looks again when something may begin; zero: nothing is left for later.
func (x *executor) wake(at time.Time) {
	if x.timer != nil {
		x.timer()
		x.timer = nil
	}
	if at.IsZero() || x.stopped {
		return
	}
	x.timer = x.sub.After(at.Sub(x.sub.Now()), func() {
		x.timer = nil
		x.next()
	})
}

// about does what is asked about a block as part of the block's trace.
func (x *executor) about(op *vmOp, what string, do func()) {
	id := op.block.ID()
	x.sub.About(id[:], what, do)
}

// finish takes operations out that the host has done.
func (x *executor) finish(ops ...*vmOp) {
	x.drop(ops...)
	if len(ops) > 0 {
		x.served++
		x.pause = 0
		x.host.answers()
	}
}

func (x *executor) drop(ops ...*vmOp) {
	x.queue = slices.DeleteFunc(x.queue, func(op *vmOp) bool { return slices.Contains(ops, op) })
}

// done ends the operation and then passes the core what came of it, which may want the next ones.
func (x *executor) done(op *vmOp, in snowman.Input) {
	x.finish(op)
	x.busy = false
	if in != nil {
		x.result(in)
	}
	x.next()
}

func (x *executor) prefer(op *vmOp) {
	// Nobody waits for it: a block names its parent when it is built.
	if vmID, known := x.ids.of(op.id); known {
		q := &pluginv1.SetPreferenceRequest{BlockId: vmID[:]}
		subsystem.Ask(x.sub, q, askTimeout, func(*pluginv1.SetPreferenceResponse, error) {})
	}
	x.skip(op)
}

// skip ends an operation for which nobody need be asked.
func (x *executor) skip(op *vmOp) {
	x.drop(op)
	x.busy = false
	x.next()
}

func (x *executor) setState(op *vmOp) {
	q := &pluginv1.SetStateRequest{State: op.state}
	subsystem.Ask(x.sub, q, askTimeout, func(r *pluginv1.SetStateResponse, err error) {
		failure := r.GetError()
		if why, failed := failing(err, failure); failed {
			x.later(op, why)
			return
		}
		if failure != nil {
			x.sub.Log.Warn("the VM doesn't take its state", "err", describe(failure))
		}
		x.done(op, nil)
	})
}
