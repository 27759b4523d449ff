package networkbridge

import "sync"

// inbox brings the transport's events onto the handler's loop. Events that arrive while the loop is busy are handled together, in one
// turn. It is the only part of the bridge that other goroutines touch; what it can hold is bounded by the transport, which stops reading
// from a peer with too much unconsumed.
type inbox struct {
	post   func(func())
	handle func([]Event)

	mu      sync.Mutex
	waiting []Event
	posted  bool
}

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
	i.waiting, i.posted = nil, false
	i.mu.Unlock()
	i.handle(events)
}
