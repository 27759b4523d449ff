package engine

import (
	"time"

	"github.com/reevenet/reeve/internal/core/pause"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// setback is what has kept an operation from being done so far.
type setback struct {
	notBefore time.Time // it isn't tried again
	since     time.Time // the VM has failed at it; zero: it hasn't
	tries     int       // the VM has failed at it
	why       string

	put    bool   // it was put off, since the host couldn't be asked
	served uint64 // what the host had done then
}

// why is why something wasn't done.
type why struct {
	words    string
	answered bool          // by the host
	host     bool          // the host or the plugin isn't there: that says nothing about what was asked
	after    time.Duration // when to ask again, as the VM says
	took     time.Duration // until it failed
}

// failing reads an answer that says nothing about what was asked, which is to be asked again. false: it is none.
func failing(err error, failure *pluginv1.Error) (why, bool) {
	switch {
	case err != nil:
		code := subsystem.CodeOf(err)
		return why{words: err.Error(), host: code == subsystem.Unavailable || code == subsystem.Overloaded ||
			code == subsystem.StaleGeneration || code == subsystem.Cancelled}, true
	case failure.GetUnavailable() != nil:
		return why{words: describe(failure), host: true}, true
	case failure.GetBusy() != nil:
		after := failure.GetBusy().GetRetryAfter().AsDuration()
		return why{words: "busy", answered: true, after: max(after, leastRetry)}, true
	case failure.GetInternal() != nil:
		return why{words: describe(failure), answered: true}, true
	}
	return why{}, false
}

// later leaves an operation for later, and goes on with the others.
func (x *executor) later(op *vmOp, w why) {
	if x.stopped {
		return
	}
	x.busy = false
	if w.answered {
		x.pause = 0
		x.host.answers()
	}
	switch {
	case w.host && !(op.put && x.served > op.served):
		x.putOff(op, w.words)
	case op.kind == opVerify:
		x.drop(op)
		x.result(snowman.Unjudged{ID: op.block.ID(), Why: w.words, Took: w.took, After: w.after})
	default:
		x.fail(op, w)
	}
	x.next()
}

// putOff rests, since the host can't be asked now. Something else is then tried before this is tried again: if that
// goes well, it isn't the host.
func (x *executor) putOff(op *vmOp, words string) {
	if x.host.fails(words) {
		x.sub.Log.Warn("the VM can't be asked now; it will be asked again", "err", words)
	}
	x.pause = longer(x.pause)
	now := x.sub.Now()
	x.rest = now.Add(x.pause)
	op.put, op.served, op.notBefore = true, x.served, now.Add(2*x.pause)
}

// fail notes that the VM has failed at an operation that can't be given up.
func (x *executor) fail(op *vmOp, w why) {
	now := x.sub.Now()
	if op.tries++; op.since.IsZero() {
		op.since = now
		x.sub.Log.Warn("the VM can't do what has to be done; it will be asked again, beside other things",
			"what", op.kind.String(), "err", w.words)
	}
	op.why = w.words
	if w.after > 0 {
		op.notBefore = now.Add(min(w.after, pause.Most))
		return
	}
	op.notBefore = now.Add(pause.After(op.tries-1, w.took))
}

// stuck is the decided block that the VM can't execute; nil: there is none.
func (x *executor) stuck() *vmOp {
	for _, op := range x.queue {
		if op.kind == opAccept {
			if op.since.IsZero() {
				return nil
			}
			return op
		}
	}
	return nil
}
