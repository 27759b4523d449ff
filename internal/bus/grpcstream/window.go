package grpcstream

import "sync"

// window is the credit that the other side gives us: of the connection and of the stream, in bytes of DATA.
type window struct {
	conn, stream int
	initial      int // what a stream begins with, by the other side's settings
	closed       bool
	changed      sync.Cond
}

func (w *window) init(mu *sync.Mutex) {
	w.conn, w.stream, w.initial = defaultWindow, defaultWindow, defaultWindow
	w.changed.L = mu
}

// take waits until there is credit and takes at most n of it; 0 when the stream has ended. The lock is held.
func (w *window) take(n int) int {
	for !w.closed && (w.conn <= 0 || w.stream <= 0) {
		w.changed.Wait()
	}
	if w.closed {
		return 0
	}
	n = min(n, w.conn, w.stream)
	w.conn -= n
	w.stream -= n
	return n
}

// has tells whether there is credit for n. The lock is held.
func (w *window) has(n int) bool { return !w.closed && w.conn >= n && w.stream >= n }

// give adds credit. The lock is held.
func (w *window) give(stream uint32, n int) error {
	at := &w.conn
	if stream == streamID {
		at = &w.stream
	} else if stream != 0 {
		return nil // of a stream that we refused
	}
	if n == 0 || *at+n > maxWindow {
		return protocolError("a window grows by %d to %d", n, *at+n)
	}
	*at += n
	w.changed.Broadcast()
	return nil
}

// begin changes what streams begin with, and the one that has begun by the difference. The lock is held.
func (w *window) begin(initial uint32) error {
	if initial > maxWindow {
		return protocolError("a window of %d bytes", initial)
	}
	w.stream += int(initial) - w.initial
	w.initial = int(initial)
	w.changed.Broadcast()
	return nil
}

func (w *window) close() {
	w.closed = true
	w.changed.Broadcast()
}
