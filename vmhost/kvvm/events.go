package kvvm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
)

// events tells listeners of accepted blocks. A listener that doesn't keep up is let go: it can ask for what it missed.
type events struct {
	mu        sync.Mutex
	listeners map[chan []byte]struct{}
	closed    bool
}

// backlog is how many blocks a listener may be behind.
const backlog = 64

type blockEvent struct {
	Height    uint64   `json:"height"`
	Block     string   `json:"block"`
	StateRoot string   `json:"stateRoot"`
	Txs       []string `json:"txs"`
}

func (e *events) publish(b *block) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.listeners) == 0 {
		return
	}
	event := blockEvent{Height: b.height, Block: b.id.String(), StateRoot: fmt.Sprintf("%x", b.stateRoot), Txs: make([]string, len(b.txs))}
	for i, tx := range b.txs {
		event.Txs[i] = tx.id.String()
	}
	data, _ := json.Marshal(event)
	for l := range e.listeners {
		select {
		case l <- data:
		default:
			delete(e.listeners, l)
			close(l)
		}
	}
}

func (e *events) listen() chan []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := make(chan []byte, backlog)
	if e.closed {
		close(l)
		return l
	}
	if e.listeners == nil {
		e.listeners = make(map[chan []byte]struct{})
	}
	e.listeners[l] = struct{}{}
	return l
}

func (e *events) leave(l chan []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.listeners, l)
}

func (e *events) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for l := range e.listeners {
		delete(e.listeners, l)
		close(l)
	}
}

// onEvents streams blocks as server-sent events, "block" each, from now on.
func (vm *VM) onEvents(w http.ResponseWriter, r *http.Request) {
	l := vm.events.listen()
	defer vm.events.leave(l)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	fmt.Fprint(w, ": accepted blocks follow\n\n")
	out.Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case data, ok := <-l:
			if !ok {
				return
			}
			fmt.Fprintf(w, "event: block\ndata: %s\n\n", data)
			if out.Flush() != nil {
				return
			}
		}
	}
}
