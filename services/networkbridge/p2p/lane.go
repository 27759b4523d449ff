package p2p

import (
	"bufio"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	nb "github.com/reevenet/reeve/services/networkbridge"
)

// bufferSize is small because a link has eight of them; longer frames pass by.
const bufferSize = 8 << 10

// lane is one stream of a link with its two goroutines.
type lane struct {
	id     nb.Lane
	stream network.MuxedStream
	reader *bufio.Reader
	queue  *queue
	window *window
	// shared is the window of all peers together; nil for consensus, which waits for nobody.
	shared *window
}

func (n *Network) newLane(id nb.Lane, s network.MuxedStream) *lane {
	l := &lane{
		id: id, stream: s, reader: bufio.NewReaderSize(s, bufferSize), queue: newQueue(outgoing[id]),
		window: newWindow(incoming),
	}
	if id != nb.LaneConsensus {
		l.shared = n.arrived
	}
	return l
}

// write sends what is queued: as many frames per write as there are, flushed when the queue is empty. It returns when
// the queue is closed or the stream broke.
func (l *lane) write() error {
	w := bufio.NewWriterSize(l.stream, bufferSize)
	var frames [][]byte
	for {
		if frames = l.queue.take(frames); frames == nil {
			return nil
		}
		for _, f := range frames {
			if err := writeFrame(w, f); err != nil {
				return err
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
}

// read delivers frames until the stream ends or breaks a rule.
func (l *lane) read(deliver func(nb.Lane, []byte) bool) error {
	for {
		frame, err := readFrame(l.reader, l.id.MaxFrame())
		if err != nil {
			return err
		}
		if !l.window.take(len(frame)) || !l.shared.take(len(frame)) {
			return nil
		}
		if !deliver(l.id, frame) {
			l.shared.put(len(frame))
		}
	}
}

func (l *lane) close() {
	l.queue.close()
	l.window.close()
	l.stream.Reset()
}

// patience is how long a write may take before the peer counts as too slow for the lane.
func (l *lane) patience() time.Duration {
	if l.id == nb.LaneConsensus || l.id == nb.LaneBacking {
		return 5 * time.Second
	}
	return 30 * time.Second
}
