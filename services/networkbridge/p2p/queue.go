package p2p

import (
	"sync"
	"time"

	nb "github.com/reevenet/reeve/services/networkbridge"
)

// outgoing is what one lane of one peer may have waiting to be sent, in bytes.
var outgoing = [nb.Lanes]int{
	nb.LaneConsensus: 8 << 20, nb.LaneBacking: 4 << 20, nb.LaneGossip: 1 << 20, nb.LaneBulk: 6 << 20,
}

// What may have been delivered and not yet consumed, in bytes: on one lane of one peer, and on the lanes other than
// consensus of all peers together.
const (
	incoming    = 4 << 20
	incomingAll = 256 << 20
)

// queue is a lane's frames on their way out. The newest is refused when there is no room.
type queue struct {
	mu     sync.Mutex
	filled sync.Cond
	frames [][]byte
	bytes  int
	max    int
	closed bool
	// busy is when the writer took the frames that it is writing; zero when it waits for some.
	busy time.Time
}

func newQueue(max int) *queue {
	q := &queue{max: max}
	q.filled.L = &q.mu
	return q
}

func (q *queue) push(frame []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.bytes+len(frame) > q.max {
		return false
	}
	q.frames = append(q.frames, frame)
	q.bytes += len(frame)
	if len(q.frames) == 1 {
		q.filled.Signal()
	}
	return true
}

// take returns everything that waits, or nil when the queue is closed. The slice that it got before is used again.
func (q *queue) take(used [][]byte) [][]byte {
	clear(used)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = time.Time{}
	for len(q.frames) == 0 && !q.closed {
		q.filled.Wait()
	}
	if q.closed {
		return nil
	}
	out := q.frames
	q.frames, q.bytes = used[:0], 0
	q.busy = time.Now()
	return out
}

// stuck tells for how long the writer has been busy with what it took last.
func (q *queue) stuck(now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy.IsZero() {
		return 0
	}
	return now.Sub(q.busy)
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed, q.frames = true, nil
	q.filled.Broadcast()
}

// window stops readers when too much of what they delivered isn't consumed. It always admits one frame.
type window struct {
	mu     sync.Mutex
	room   sync.Cond
	max    int
	used   int
	closed bool
}

func newWindow(max int) *window {
	w := &window{max: max}
	w.room.L = &w.mu
	return w
}

// take waits until n bytes fit, or nothing else is there. False: the window is closed. A nil window has room for
// everything.
func (w *window) take(n int) bool {
	if w == nil {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.used > 0 && w.used+n > w.max && !w.closed {
		w.room.Wait()
	}
	w.used += n
	return !w.closed
}

func (w *window) put(n int) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.used = max(0, w.used-n)
	w.room.Broadcast()
}

func (w *window) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.room.Broadcast()
}
