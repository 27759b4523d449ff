package grpcstream

import (
	"sync"

	"golang.org/x/net/http2"
)

// window is what the other side takes from us: credit of the connection and of the stream, in bytes of DATA, and the
// longest frame.
type window struct {
	mu           sync.Mutex
	changed      sync.Cond
	conn, stream int
	initial      int // what a stream begins with, by the other side's settings
	frame        int
	closed       bool
}

func (w *window) init() {
	w.conn, w.stream, w.initial, w.frame = defaultWindow, defaultWindow, defaultWindow, defaultFrame
	w.changed.L = &w.mu
}

// take waits until there is credit and takes at most n of it, as much as a frame may hold; 0 when nothing more may be
// sent.
func (w *window) take(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.closed && (w.conn <= 0 || w.stream <= 0) {
		w.changed.Wait()
	}
	if w.closed {
		return 0
	}
	n = min(n, w.conn, w.stream, w.frame)
	w.conn -= n
	w.stream -= n
	return n
}

// takeAll takes n, if one frame may hold it now.
func (w *window) takeAll(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || n > min(w.conn, w.stream, w.frame) {
		return false
	}
	w.conn -= n
	w.stream -= n
	return true
}

// grow adds credit; that of a refused stream is nothing to us.
func (w *window) grow(stream uint32, n int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch stream {
	case 0:
		return w.add(&w.conn, n)
	case streamID:
		return w.add(&w.stream, n)
	}
	return nil
}

// set takes over a setting of the other side's. What streams begin with changes, too, for the one that has begun, by
// the difference.
func (w *window) set(to http2.Setting) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch to.ID {
	case http2.SettingMaxFrameSize:
		w.frame = int(to.Val)
	case http2.SettingInitialWindowSize:
		n := int(to.Val) - w.initial
		w.initial = int(to.Val)
		return w.add(&w.stream, n)
	}
	return nil
}

func (w *window) add(to *int, n int) error {
	if *to+n > maxWindow {
		return violation{http2.ErrCodeFlowControl, "a window of more than 2 GiB"}
	}
	*to += n
	w.changed.Broadcast()
	return nil
}

// close lets no more messages be sent.
func (w *window) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.changed.Broadcast()
}
