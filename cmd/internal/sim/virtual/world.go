package virtual

import (
	"math/rand/v2"
	"time"
)

// World is the world of one process, as the SDK wants it: virtual time, timers that die with the process, and offloaded work that
// takes its (virtual) time and is done in one piece. A process that dies before its work's turn never did it.
type World struct {
	scheduler *Scheduler
	rng       *rand.Rand
	work      func() time.Duration
	dead      bool
}

// World makes the world of a process. work is how long a piece of offloaded work takes.
func (s *Scheduler) World(rng *rand.Rand, work func() time.Duration) *World {
	return &World{scheduler: s, rng: rng, work: work}
}

// End makes sure that nothing of the process happens any more.
func (w *World) End() { w.dead = true }

// Now is the virtual time.
func (w *World) Now() time.Time { return w.scheduler.Now() }

// Rand is the process's luck.
func (w *World) Rand() *rand.Rand { return w.rng }

// AfterFunc plans f, unless the process is dead by then.
func (w *World) AfterFunc(d time.Duration, f func()) func() {
	return w.scheduler.After(d, func() {
		if !w.dead {
			f()
		}
	}).Stop
}

// Offload does the work and tells so, later.
func (w *World) Offload(work, done func()) {
	w.scheduler.After(w.work(), func() {
		if !w.dead {
			work()
			done()
		}
	})
}
