package driver

import (
	"container/heap"
	"time"
)

// timers is a heap of what is due, so that a machine needs one timer of its runtime only. Equal times fire in the order
// in which they were added.
type timers struct {
	runtime Runtime
	post    func(f func()) // what fires comes back through the inbox
	causes  *causes

	heap   timerHeap
	seq    uint64
	armed  time.Time // when the runtime's timer fires
	disarm func()    // nil: it isn't set
}

type timer struct {
	at    time.Time
	seq   uint64
	index int // in the heap; -1 when it has fired or was removed
	f     func()
}

// after has f called when d has passed.
func (t *timers) after(d time.Duration, f func()) *timer {
	t.seq++
	e := &timer{at: t.runtime.Now().Add(d), seq: t.seq, f: f}
	heap.Push(&t.heap, e)
	t.arm()
	return e
}

// remove takes a timer out if it is still pending.
func (t *timers) remove(e *timer) {
	if e != nil && e.index >= 0 {
		heap.Remove(&t.heap, e.index)
	}
}

// arm sets the runtime's timer to the next of ours.
func (t *timers) arm() {
	if len(t.heap) == 0 {
		return
	}
	at := t.heap[0].at
	if t.disarm != nil {
		if !at.Before(t.armed) {
			return // a timer that fires too early finds nothing due: cheaper than moving it with every ask
		}
		t.disarm()
	}
	t.armed = at
	t.disarm = t.runtime.AfterFunc(max(0, at.Sub(t.runtime.Now())), func() { t.post(t.fire) })
}

// fire calls what is due.
func (t *timers) fire() {
	now := t.runtime.Now()
	t.disarm = nil
	for len(t.heap) > 0 && !t.heap[0].at.After(now) {
		heap.Pop(&t.heap).(*timer).f()
		t.causes.clear()
	}
	t.arm()
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
