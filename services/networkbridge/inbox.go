package networkbridge

import "sync"

// inbox brings the transport's events onto the handler's loop. Events that arrive while the loop is busy are handled
// together, in one turn. It is the only part of the bridge that other goroutines touch; what it can hold is bounded by
// the transport, which stops reading from a peer with too much unconsumed.
type inbox struct {
	post   func(func())
	handle func([]Event)

	mu      sync.Mutex
	waiting []Event
	spare   []Event // the same memory, taken in turns
	posted  bool
}

// maxSpare is how many events' memory is kept for the next ones.
const maxSpare = 256

func (i *inbox) put(e Event) {
	i.mu.Lock()
	i.waiting = append(i.waiting, e)
	wake := !i.posted
	i.posted = true
	i.mu.Unlock()
	if wake {
		i.post(i.drain)
	}
}

func (i *inbox) drain() {
	i.mu.Lock()
	events := i.waiting
	i.waiting, i.spare, i.posted = i.spare, nil, false
	i.mu.Unlock()
	i.handle(events)
	clear(events)
	if cap(events) <= maxSpare {
		i.mu.Lock()
		i.spare = events[:0]
		i.mu.Unlock()
	}
}
