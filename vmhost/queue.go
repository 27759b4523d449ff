package vmhost

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// job is one block call.
type job interface {
	// begin runs on the loop when it is the job's turn. false: nothing is left to do, and whoever asked has been
	// answered.
	begin(g *generation) bool
	// call calls the plugin, off the loop. An error means that the plugin is broken.
	call(ctx context.Context, g *generation) error
	// finish runs on the loop after a call without error, and answers.
	finish(g *generation)
}

// judging is a job that is about certain blocks. When a plugin ends in the midst of it, it isn't repeated: the blocks
// are suspects, and whoever asked is answered at once, goes on with others, and comes back.
type judging interface {
	// contents are the blocks that the call was busy with when it broke.
	contents() [][]byte
	// abandon answers after such an end, runs on the loop; e is what there is to say of the blocks.
	abandon(e *pluginv1.Error)
}

// queued is a job that waits for its turn, or for a plugin.
type queued struct {
	job
	// asked are the requests that the job answers: several only for acceptances.
	asked []*subsystem.Message

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

// maxAttempts is how many plugins may die on one call that isn't about a block before the call is given up.
const maxAttempts = 2

// queue makes the block calls, one at a time and in order. Nothing that the plugin dies on holds up what waits behind
// it: what was asked about a block is answered with that, and any other call is made again with the plugin's successor
// when those behind it have had their turn; one on which two have died is given up. A request leaves it answered once.
type queue struct {
	sub      *subsystem.Sub
	life     *life
	limits   Limits
	suspects suspects

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

// add takes a block call that answers m, or refuses it when too many wait or nobody is going to answer.
func (q *queue) add(m *subsystem.Message, j job) {
	switch {
	case q.life.hopeless():
		refuse(m, q.life.unavailable())
	case len(q.jobs) >= q.limits.Queue:
		refuse(m, busy())
	default:
		q.jobs = append(q.jobs, &queued{
			job: j, asked: []*subsystem.Message{m},
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
	began := q.sub.Now()
	q.busy = true
	j.attempts++
	_, g.judging = j.job.(judging)
	limit := q.limits.BlockCall * time.Duration(len(j.asked)) // each acceptance has its own within that
	subsystem.Offload(q.sub, func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(intercept.Continue(context.Background(), j.trace), limit)
		defer cancel()
		return struct{}{}, j.call(ctx, g)
	}, func(_ struct{}, err error) {
		q.busy = false
		if err != nil {
			q.broke(g, j, q.sub.Now().Sub(began), err)
		} else {
			g.judging = false
			j.finish(g)
		}
		q.pump()
	})
}

// broke deals with a call that got no answer from the VM: the plugin is replaced.
func (q *queue) broke(g *generation, j *queued, took time.Duration, err error) {
	hang := status.Code(err) == codes.DeadlineExceeded
	what := nameOf(j.asked[0].Body)
	reason := what + " failed: " + inWords(err)
	if hang {
		reason = what + " wasn't answered within " + q.limits.BlockCall.String()
	}
	var disk *diskError
	g.blameless = errors.As(err, &disk)
	g.judging = g.judging && !g.blameless
	q.life.replace(g, reason, hang)
	switch {
	case g.dismissed: // whatever was under way then isn't to blame
		j.attempts--
		q.jobs = append([]*queued{j}, q.jobs...)
	case g.judging:
		blocks := j.job.(judging)
		q.suspects.blame(q.sub.Now(), min(took, q.limits.BlockCall), blocks.contents(), reason)
		blocks.abandon(internal("%s", reason))
	case j.attempts >= maxAttempts:
		j.fail(unavailable(reason, 0))
	default:
		q.jobs = append(q.jobs, j)
	}
}
