// Package virtual is the time, the order and the randomness of tests and simulations: one heap of what is to happen,
// ordered by virtual time and, at equal times, by the order in which it was planned. There is no goroutine and no
// clock in it, so a run with the same seed does the same things in the same order on any machine; the trace's hash
// proves it.
//
// It knows nothing of nodes, networks or faults. It may never look at real time or at a global source of randomness.
package virtual

import (
	"sync/atomic"
	"time"
)

// Epoch is the moment at which virtual time begins.
var Epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// Scheduler runs what was planned. One goroutine may use it.
type Scheduler struct {
	// Trace takes a note of every step.
	Trace *Trace

	now   atomic.Int64 // time.Duration; a real plugin beside it may ask for the time
	seq   uint64
	heap  []event
	steps uint64
}

// Timer is something planned.
type Timer struct {
	s     *Scheduler
	index int // in the heap; -1 when it has happened or was stopped
}

type event struct {
	at    time.Duration
	seq   uint64
	f     func()
	timer *Timer // nil: it can't be stopped
}

// New returns a scheduler at the Epoch.
func New() *Scheduler { return &Scheduler{Trace: NewTrace()} }

// Now is the virtual time.
func (s *Scheduler) Now() time.Time { return Epoch.Add(s.Elapsed()) }

// Elapsed is the virtual time since the Epoch.
func (s *Scheduler) Elapsed() time.Duration { return time.Duration(s.now.Load()) }

// Steps counts what has happened so far.
func (s *Scheduler) Steps() uint64 { return s.steps }

// Pending counts what is planned.
func (s *Scheduler) Pending() int { return len(s.heap) }

// After plans f. A delay below zero counts as none.
func (s *Scheduler) After(d time.Duration, f func()) *Timer {
	t := &Timer{s: s, index: len(s.heap)}
	s.plan(d, f, t)
	return t
}

// Do plans f for good. Most of what happens in a simulation is never stopped.
func (s *Scheduler) Do(d time.Duration, f func()) { s.plan(d, f, nil) }

func (s *Scheduler) plan(d time.Duration, f func(), t *Timer) {
	s.seq++
	s.heap = append(s.heap, event{s.Elapsed() + max(d, 0), s.seq, f, t})
	s.up(len(s.heap) - 1)
}

// Stop unplans it, if it hasn't happened.
func (t *Timer) Stop() {
	if t.index < 0 {
		return
	}
	t.s.remove(t.index)
}

// Step does what comes next. False: nothing is planned.
func (s *Scheduler) Step() bool {
	if len(s.heap) == 0 {
		return false
	}
	next := s.heap[0]
	s.remove(0)
	s.now.Store(int64(next.at))
	s.steps++
	s.Trace.Add(uint64(next.at), next.seq)
	next.f()
	return true
}

// Next does what comes next if it is due by the virtual time until, since the Epoch. False: nothing was, and it is
// until now.
func (s *Scheduler) Next(until time.Duration) bool {
	if len(s.heap) > 0 && s.heap[0].at <= until {
		return s.Step()
	}
	s.now.Store(int64(max(s.Elapsed(), until)))
	return false
}

// Run does everything up to the virtual time until, since the Epoch, unless stop says so earlier.
func (s *Scheduler) Run(until time.Duration, stop func() bool) {
	for !stop() && s.Next(until) {
	}
}

func (s *Scheduler) remove(i int) {
	if t := s.heap[i].timer; t != nil {
		t.index = -1
	}
	last := len(s.heap) - 1
	moved := s.heap[last]
	s.heap[last] = event{}
	s.heap = s.heap[:last]
	if i == last {
		return
	}
	s.put(i, moved)
	s.up(s.down(i))
}

func (a *event) before(b *event) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }

func (s *Scheduler) put(i int, moved event) {
	s.heap[i] = moved
	if moved.timer != nil {
		moved.timer.index = i
	}
}

func (s *Scheduler) up(i int) {
	moved := s.heap[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !moved.before(&s.heap[parent]) {
			break
		}
		s.put(i, s.heap[parent])
		i = parent
	}
	s.put(i, moved)
}

// down sinks an event to its place, in a heap of four children each: it is flatter than one of two, and pops are most
// of the work.
func (s *Scheduler) down(i int) int {
	moved := s.heap[i]
	for {
		least := -1
		for child := 4*i + 1; child <= min(4*i+4, len(s.heap)-1); child++ {
			if least < 0 || s.heap[child].before(&s.heap[least]) {
				least = child
			}
		}
		if least < 0 || !s.heap[least].before(&moved) {
			s.put(i, moved)
			return i
		}
		s.put(i, s.heap[least])
		i = least
	}
}
