package overseertest

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// Runtime is a runtime for tests: time stands still until the test advances it, and offloaded work is done at once.
type Runtime struct {
	now    time.Time
	rand   *rand.Rand
	timers timerHeap
	seq    int
}

// NewRuntime begins at a fixed time with a fixed seed.
func NewRuntime() *Runtime {
	return &Runtime{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), rand: rand.New(rand.NewPCG(1, 2))}
}

// Now is its time.
func (w *Runtime) Now() time.Time { return w.now }

// Rand is seeded.
func (w *Runtime) Rand() *rand.Rand { return w.rand }

// AfterFunc remembers f until the test advances the time past it.
func (w *Runtime) AfterFunc(d time.Duration, f func()) func() {
	w.seq++
	t := &worldTimer{at: w.now.Add(d), seq: w.seq, f: f}
	heap.Push(&w.timers, t)
	return func() { t.f = nil }
}

// Offload does the work now; its end reaches the loop with the next step.
func (w *Runtime) Offload(work, done func()) {
	work()
	done()
}

// Next fires the next timer that is due by until, moving the time to it; it tells whether there was one.
func (w *Runtime) Next(until time.Time) bool {
	for len(w.timers) > 0 && !w.timers[0].at.After(until) {
		t := heap.Pop(&w.timers).(*worldTimer)
		if t.f == nil {
			continue
		}
		if t.at.After(w.now) {
			w.now = t.at
		}
		t.f()
		return true
	}
	if until.After(w.now) {
		w.now = until
	}
	return false
}

type worldTimer struct {
	at  time.Time
	seq int
	f   func()
}

type timerHeap []*worldTimer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *timerHeap) Push(x any)   { *h = append(*h, x.(*worldTimer)) }
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	*h = old[:len(old)-1]
	return t
}
