// Package grpcstream carries one bidirectional gRPC stream per connection of a unix socket. On the wire it is gRPC over
// HTTP/2 and nothing else: grpc-go's and C-core's clients attach to a Server of this package, and Dial reaches a
// grpc-go server.
//
// It exists for streams over which many small messages travel. grpc-go hands each message from goroutine to goroutine
// twice on each side before it reaches the socket; here the goroutine that sends writes, and the one that receives
// reads, which is most of a small message's cost. Frames are read and written by golang.org/x/net/http2's Framer, but
// for the payload of DATA, which goes straight to and from the message. It takes and returns whole messages as bytes,
// keeps none, and never interprets them. It serves one method; every other call on the same listener is grpc-go's.
//
// Who connects is not trusted: frames that bring no message have a budget, headers a size, and a message that is
// announced gets memory as it arrives.
package grpcstream

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

// Stream is one bidirectional stream and the connection under it. Send may be called by any number of goroutines, Recv
// by one at a time. Frames that aren't messages (settings, windows, pings) are served by whoever is in Recv, so a side
// that sends must also receive.
type Stream struct {
	ctx    context.Context
	cancel context.CancelFunc
	conn   net.Conn
	client bool

	max, maxLater int // longest message that is received, in bytes: the next, and all after it

	// Reading: touched by who holds reading, which is Recv until the server's handler has returned.
	reading  sync.Mutex
	in       source
	frames   *http2.Framer // its writing half, into pending, belongs to who holds mu
	budget   budget
	pings    pings
	frame    payload // of the DATA frame that is being read
	prefix   [prefixSize]byte
	last     bool   // the other side sends nothing more
	consumed int    // bytes of DATA since the window was last refilled
	opened   bool   // the other side's headers have come
	highest  uint32 // stream that the client has opened
	ended    error

	// Writing. Who sends holds sending for a whole message, and the socket for each frame of it; mu is held for
	// moments.
	sending sync.Mutex
	socket  sync.Mutex
	scratch []byte // what is being written
	mu      sync.Mutex
	pending bytes.Buffer // control frames that go with the next write
	room    window
	// finished: what ends the stream has been sent, or can't be any more.
	finished atomic.Bool
	earned   atomic.Int64 // what our sending has earned the other side's budget
	talked   atomic.Bool  // we have sent something since the other side's last ping
}

const (
	// bufferSize holds a few small messages; of a longer one the rest is read to where it belongs.
	bufferSize = 16 << 10
	// smallSend is how long a message may be to be copied behind its header and written in one call. A longer one is
	// written by a vectored call.
	smallSend = 16 << 10

	prefixSize   = 5 // gRPC's header of a message: compressed, length
	streamID     = 1 // the one stream: the first that a client opens
	defaultFrame = 16 << 10
	// ourFrame is the longest frame that we take, the most that HTTP/2 has a number for: of DATA, nothing is kept.
	ourFrame = 1<<24 - 1
	// ourWindow is the credit that we give. We read a frame only when somebody receives, so what is in flight is
	// bounded by the socket's own buffers, and a window would only be a second, slower, bound.
	ourWindow     = 1 << 30
	defaultWindow = 1<<16 - 1
	maxWindow     = 1<<31 - 1
)

func newStream(ctx context.Context, conn net.Conn, in io.Reader, client bool, maxMessage int) *Stream {
	s := &Stream{conn: conn, client: client, max: maxMessage, maxLater: maxMessage}
	s.in.Reader = bufio.NewReaderSize(in, bufferSize)
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.frames = newFramer(&s.pending, &s.in)
	s.budget = budget{allowance, time.Now()}
	s.room.init()
	return s
}

// Context ends when the stream does.
func (s *Stream) Context() context.Context { return s.ctx }

// Close ends the connection at once. Whoever waits in Send or Recv gets an error.
func (s *Stream) Close() error {
	s.cancel()
	s.finished.Store(true)
	s.room.close()
	return s.conn.Close()
}
