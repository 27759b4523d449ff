package vmhost

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/overseer/subsystem"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// job is one block call. They are made one at a time, in order.
type job struct {
	what string
	// begin runs on the loop when it is the job's turn, and returns the work that calls the plugin, off the loop. nil: there is
	// nothing to do any more. The work returns what is to be done on the loop when it went well.
	begin func(g *generation) work
	// fail answers the asker without the plugin.
	fail func(e *vmv1.Error)

	// accepts are the acceptances that it is made of, if it is.
	accepts []*acceptance
	// contents are the blocks of strangers that the call is about.
	contents [][]byte

	until    time.Time
	attempts int
	// trace is the asker's trace context; it goes on in the plugin.
	trace string
}

type work func(ctx context.Context) (finish func(), err error)

// maxAttempts is how many plugins may die on one call before the call is given up.
const maxAttempts = 2

// queue holds the jobs that wait for their turn, or for a plugin.
type queue struct {
	jobs []*job
	busy bool
}

// expire fails jobs that have waited for a plugin for too long.
func (q *queue) expire(now time.Time, e *vmv1.Error) {
	kept := q.jobs[:0]
	var gone []*job
	for _, j := range q.jobs {
		if now.After(j.until) {
			gone = append(gone, j)
		} else {
			kept = append(kept, j)
		}
	}
	q.jobs = kept
	for _, j := range gone {
		j.fail(e)
	}
}

// clear fails every job that waits.
func (q *queue) clear(e *vmv1.Error) {
	jobs := q.jobs
	q.jobs = nil
	for _, j := range jobs {
		j.fail(e)
	}
}

// enqueue takes a block call, or refuses it when too many wait or nobody is going to answer.
func (h *handler) enqueue(j *job) {
	if h.gen == nil && h.supervisor.hopeless() {
		j.fail(h.unavailable())
		return
	}
	if len(h.blocks.jobs) >= h.cfg.Limits.Queue {
		j.fail(busy())
		return
	}
	j.until, j.trace = h.sub.Now().Add(h.cfg.Limits.Wait), h.sub.Traceparent()
	h.blocks.jobs = append(h.blocks.jobs, j)
	h.pump()
}

// pump starts the next block call, if none runs and there is a plugin.
func (h *handler) pump() {
	for h.gen != nil && !h.blocks.busy && len(h.blocks.jobs) > 0 {
		j := h.next()
		if w := j.begin(h.gen); w != nil {
			h.run(h.gen, j, w)
		}
	}
}

// together is how many acceptances wait for the disk together, and togetherBytes how many bytes of blocks.
const (
	together      = 64
	togetherBytes = 4 << 20
)

// next takes the call whose turn it is. Acceptances that wait behind one another become one call.
func (h *handler) next() *job {
	jobs := h.blocks.jobs
	n, bytes := 1, 0
	for ; n < len(jobs) && len(jobs[n-1].accepts) > 0 && len(jobs[n].accepts) > 0; n++ {
		if bytes += len(jobs[n].accepts[0].entry.Content); n >= together || bytes > togetherBytes {
			break
		}
	}
	h.blocks.jobs = jobs[n:]
	if n == 1 {
		return jobs[0]
	}
	var list []*acceptance
	attempts := 0
	for _, j := range jobs[:n] {
		list = append(list, j.accepts...)
		attempts = max(attempts, j.attempts)
	}
	all := h.acceptAll(list...)
	all.until, all.trace, all.attempts = jobs[0].until, jobs[0].trace, attempts
	return all
}

func (h *handler) run(g *generation, j *job, w work) {
	h.blocks.busy = true
	j.attempts++
	limit := h.cfg.Limits.BlockCall * time.Duration(max(1, len(j.accepts))) // each acceptance has its own within that
	subsystem.Offload(h.sub, func() (func(), error) {
		ctx, cancel := context.WithTimeout(traced(j.trace), limit)
		defer cancel()
		return w(ctx)
	}, func(finish func(), err error) {
		h.blocks.busy = false
		if err != nil {
			h.broke(g, j, err)
		} else {
			finish()
		}
		h.pump()
	})
}

// traced is the context of a call that goes on in the trace of its cause.
func traced(traceparent string) context.Context {
	if traceparent == "" {
		return context.Background()
	}
	return metadata.AppendToOutgoingContext(context.Background(), "traceparent", traceparent)
}

// broke deals with a call that got no answer from the VM: the plugin is replaced, and the call repeated with its successor.
func (h *handler) broke(g *generation, j *job, err error) {
	hang := status.Code(err) == codes.DeadlineExceeded
	reason := j.what + " failed: " + status.Convert(err).Message()
	if hang {
		reason = j.what + " wasn't answered within " + h.cfg.Limits.BlockCall.String()
	}
	h.replace(g, reason, hang)
	if j.attempts < maxAttempts {
		h.blocks.jobs = append([]*job{j}, h.blocks.jobs...)
		return
	}
	h.poison.add(j.contents)
	j.fail(unavailable(reason, 0))
}

// lane runs things off the loop, so many at once, in order of arrival.
type lane struct {
	limit, bound int
	running      int
	alone        bool
	waiting      []task
}

type task struct {
	run func(done func())
	// alone: nothing of the lane runs beside it.
	alone bool
}

// add takes a task; false when too many wait.
func (l *lane) add(t task) bool {
	if len(l.waiting) >= l.bound {
		return false
	}
	l.waiting = append(l.waiting, t)
	l.pump()
	return true
}

func (l *lane) pump() {
	for len(l.waiting) > 0 && l.running < l.limit && !l.alone {
		t := l.waiting[0]
		if t.alone && l.running > 0 {
			return
		}
		l.waiting = l.waiting[1:]
		l.running++
		l.alone = t.alone
		t.run(func() {
			l.running--
			if t.alone {
				l.alone = false
			}
			l.pump()
		})
	}
}

// counter gives out numbers to any goroutine.
type counter struct{ n atomic.Uint32 }

func (c *counter) next() uint32 { return c.n.Add(1) }
