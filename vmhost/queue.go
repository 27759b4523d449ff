package vmhost

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// job is one block call.
type job interface {
	// begin runs on the loop when it is the job's turn. false: nothing is left to do, and whoever asked has been answered.
	begin(g *generation) bool
	// call calls the plugin, off the loop. An error means that the plugin is broken.
	call(ctx context.Context, g *generation) error
	// finish runs on the loop after a call without error, and answers.
	finish(g *generation)
}

// queued is a job that waits for its turn, or for a plugin.
type queued struct {
	job
	// asked are the requests that the job answers: several only for acceptances.
	asked []*subsystem.Message
	// contents are the blocks of strangers that the call is about.
	contents [][]byte

	until    time.Time
	attempts int
	// trace is the asker's trace context; it goes on in the plugin.
	trace string
}

// fail answers the askers without the plugin.
func (q *queued) fail(e *pluginv1.Error) {
	for _, m := range q.asked {
		refuse(m, e)
	}
}

// maxAttempts is how many plugins may die on one call before the call is given up.
const maxAttempts = 2

// queue makes the block calls, one at a time and in order. A call that the plugin dies on is made again with its successor, before those
// behind it; one on which two have died is given up, and so are the bytes that it was about. A request leaves it answered once.
type queue struct {
	sub    *subsystem.Sub
	life   *life
	limits Limits
	poison poison

	jobs []*queued
	busy bool
}

// expire fails jobs that have waited for a plugin for too long.
func (q *queue) expire() {
	now, e := q.sub.Now(), q.life.unavailable()
	kept := q.jobs[:0]
	var gone []*queued
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
func (q *queue) clear() {
	jobs, e := q.jobs, q.life.unavailable()
	q.jobs = nil
	for _, j := range jobs {
		j.fail(e)
	}
}

// add takes a block call that answers m, or refuses it when too many wait, nobody is going to answer, or plugins have died on the
// contents.
func (q *queue) add(m *subsystem.Message, j job, contents ...[]byte) {
	switch {
	case q.poison.hasOne(contents):
		refuse(m, deadly())
	case q.life.hopeless():
		refuse(m, q.life.unavailable())
	case len(q.jobs) >= q.limits.Queue:
		refuse(m, busy())
	default:
		q.jobs = append(q.jobs, &queued{
			job: j, asked: []*subsystem.Message{m}, contents: contents,
			until: q.sub.Now().Add(q.limits.Wait), trace: q.sub.Traceparent(),
		})
		q.pump()
	}
}

// pump starts the next block call, if none runs and there is a plugin.
func (q *queue) pump() {
	for q.life.gen != nil && !q.busy && len(q.jobs) > 0 {
		if j := q.next(); j.begin(q.life.gen) {
			q.run(q.life.gen, j)
		}
	}
}

// together is how many acceptances wait for the disk together, and togetherBytes how many bytes of blocks and
// certificates.
const (
	together      = 64
	togetherBytes = 4 << 20
)

// next takes the job whose turn it is. Acceptances that wait behind one another become one.
func (q *queue) next() *queued {
	first := q.jobs[0]
	q.jobs = q.jobs[1:]
	all, ok := first.job.(*acceptJob)
	bytes := 0
	for ok && len(q.jobs) > 0 {
		next, accepts := q.jobs[0].job.(*acceptJob)
		if !accepts || len(all.list) >= together {
			break
		}
		e := next.list[0].entry
		if bytes += len(e.Content) + len(e.Certificate); bytes > togetherBytes {
			break
		}
		all.list = append(all.list, next.list...)
		first.asked = append(first.asked, q.jobs[0].asked...)
		first.attempts = max(first.attempts, q.jobs[0].attempts)
		q.jobs = q.jobs[1:]
	}
	return first
}

func (q *queue) run(g *generation, j *queued) {
	q.busy = true
	j.attempts++
	limit := q.limits.BlockCall * time.Duration(len(j.asked)) // each acceptance has its own within that
	subsystem.Offload(q.sub, func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(intercept.Continue(context.Background(), j.trace), limit)
		defer cancel()
		return struct{}{}, j.call(ctx, g)
	}, func(_ struct{}, err error) {
		q.busy = false
		if err != nil {
			q.broke(g, j, err)
		} else {
			j.finish(g)
		}
		q.pump()
	})
}

// broke deals with a call that got no answer from the VM: the plugin is replaced, and the call repeated with its successor.
func (q *queue) broke(g *generation, j *queued, err error) {
	hang := status.Code(err) == codes.DeadlineExceeded
	what := nameOf(j.asked[0].Body)
	reason := what + " failed: " + status.Convert(err).Message()
	if hang {
		reason = what + " wasn't answered within " + q.limits.BlockCall.String()
	}
	q.life.replace(g, reason, hang)
	if j.attempts < maxAttempts {
		q.jobs = append([]*queued{j}, q.jobs...)
		return
	}
	q.poison.add(j.contents)
	j.fail(unavailable(reason, 0))
}
