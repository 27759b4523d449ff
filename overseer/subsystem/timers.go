package subsystem

import (
	"container/heap"
	"time"
)

// timers is a heap of what is due, so that the loop needs one timer of its runtime only. Equal times fire in the order in which
// they were added.
type timers struct {
	heap timerHeap
	seq  uint64
}

type timer struct {
	at    time.Time
	seq   uint64
	index int // in the heap; -1 when it has fired or was removed
	f     func()
}

func (t *timers) add(at time.Time, f func()) *timer {
	t.seq++
	e := &timer{at: at, seq: t.seq, f: f}
	heap.Push(&t.heap, e)
	return e
}

// remove takes a timer out; it tells whether it was still pending.
func (t *timers) remove(e *timer) bool {
	if e == nil || e.index < 0 {
		return false
	}
	heap.Remove(&t.heap, e.index)
	return true
}

// due takes out the next timer that is due.
func (t *timers) due(now time.Time) *timer {
	if len(t.heap) == 0 || t.heap[0].at.After(now) {
		return nil
	}
	return heap.Pop(&t.heap).(*timer)
}

// next is when the next timer is due.
func (t *timers) next() (time.Time, bool) {
	if len(t.heap) == 0 {
		return time.Time{}, false
	}
	return t.heap[0].at, true
}

type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *timerHeap) Push(x any) {
	e := x.(*timer)
	e.index = len(*h)
	*h = append(*h, e)
}
func (h *timerHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	e.index = -1
	return e
}
