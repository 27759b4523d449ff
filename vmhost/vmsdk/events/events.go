// Package events streams what happens on a chain to its users, as server-sent events (WHATWG HTML, section 9.2), and
// reads them.
package events

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
)

const (
	// backlog is how many events a listener may be behind.
	backlog = 64
	// maxEvent bounds what is read of one event, in bytes: a block of the greatest number of transactions.
	maxEvent = 4 << 20
)

// Stream sends events to those who listen. A listener that doesn't keep up is cut off: it can ask for what it missed.
// The zero value is ready; it is safe for concurrent use.
type Stream struct {
	mu        sync.Mutex
	listeners map[chan []byte]struct{}
	closed    bool
}

// Publish sends an event with its content as JSON.
func (s *Stream) Publish(name string, content any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.listeners) == 0 {
		return
	}
	data, _ := json.Marshal(content)
	event := fmt.Appendf(nil, "event: %s\ndata: %s\n\n", name, data)
	for l := range s.listeners {
		select {
		case l <- event:
		default:
			delete(s.listeners, l)
			close(l)
		}
	}
}

// Close ends all streams, and those that would begin.
func (s *Stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for l := range s.listeners {
		close(l)
	}
	s.listeners = nil
}

// listen adds a listener; false: all streams have ended.
func (s *Stream) listen(l chan []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listeners == nil {
		s.listeners = make(map[chan []byte]struct{})
	}
	if !s.closed {
		s.listeners[l] = struct{}{}
	}
	return !s.closed
}

func (s *Stream) leave(l chan []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

// ServeHTTP streams the events that are published from now on.
func (s *Stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l := make(chan []byte, backlog)
	open := s.listen(l)
	defer s.leave(l)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	for event := []byte(": events follow\n\n"); open; {
		if _, err := w.Write(event); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case event, open = <-l:
		}
	}
}

// Read passes the content of each event to next, until that says no or the stream ends.
func Read(stream io.Reader, next func(data []byte) bool) {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		if data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: ")); ok && !next(data) {
			return
		}
	}
}
