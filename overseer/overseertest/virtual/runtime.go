package virtual

import (
	"math/rand/v2"
	"time"
)

// Runtime is what the loop of one process needs from outside, as the SDK wants it: virtual time, timers that die with
// the process, and offloaded work that takes its (virtual) time and is done in one piece. A process that dies before
// its work's turn never did it.
type Runtime struct {
	scheduler *Scheduler
	rng       *rand.Rand
	work      func() time.Duration
	watch     *Watch
	dead      bool
}

// Runtime makes the runtime of a process. work is how long a piece of offloaded work takes; nil: it is done at once.
func (s *Scheduler) Runtime(rng *rand.Rand, work func() time.Duration) *Runtime {
	return &Runtime{scheduler: s, rng: rng, work: work, watch: &Watch{}}
}

// By has the process live by a watch of its own, whose hands somebody may set meanwhile.
func (r *Runtime) By(w *Watch) *Runtime {
	r.watch = w
	return r
}

// End makes sure that nothing of the process happens any more.
func (r *Runtime) End() { r.dead = true }

// Now is the virtual time, as the process's watch shows it.
func (r *Runtime) Now() time.Time { return r.watch.At(r.scheduler.Elapsed()) }

// Rand is the process's source of randomness.
func (r *Runtime) Rand() *rand.Rand { return r.rng }

// AfterFunc plans f, unless the process is dead by then.
func (r *Runtime) AfterFunc(d time.Duration, f func()) func() {
	return r.scheduler.After(r.watch.Takes(d), func() {
		if !r.dead {
			f()
		}
	}).Stop
}

// Offload does the work and calls done, when its time is over.
func (r *Runtime) Offload(work, done func()) {
	if r.work == nil {
		work()
		done()
		return
	}
	r.scheduler.After(r.work(), func() {
		if !r.dead {
			work()
			done()
		}
	})
}
