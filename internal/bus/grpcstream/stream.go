// Package grpcstream carries one bidirectional gRPC stream per connection, written by hand where grpc-go is general. On the wire
// it is gRPC over HTTP/2 and nothing else: a grpc-go or C-core client attaches to a Server of this package, and Dial
// reaches a grpc-go server.
//
// It exists for the one stream over which everything in a node travels. grpc-go hands each message from goroutine to
// goroutine twice on each side before it reaches the socket; here the goroutine that sends writes, and the one that receives
// reads, which is most of a small message's cost. It receives and gives whole messages as bytes, keeps none,
// and never interprets them. It serves one method; every other call on the same listener is grpc-go's.
package grpcstream

import (
	"bufio"
	"context"
	"io"
	"net"
	"sync"

	"golang.org/x/net/http2/hpack"
)

// Stream is one bidirectional stream and the connection under it. Send may be called by any number of goroutines, Recv by
// one at a time. Frames that aren't messages (settings, windows, pings) are served by whoever is in Recv, so a side that
// sends must also receive.
type Stream struct {
	ctx    context.Context
	cancel context.CancelFunc
	conn   net.Conn
	client bool
	max    int // longest message that is received

	// Reading: touched by who holds reading, which is Recv until the server's handler has returned.
	reading  sync.Mutex
	in       *bufio.Reader
	frame    frameHeader // the DATA frame that is being read
	left     int         // of its payload
	padding  int         // behind its payload
	consumed int         // bytes of DATA since the window was last refilled
	headers  *hpack.Decoder
	started  bool // the server's response headers have come
	ended    error

	// Writing. Who sends holds sending for a whole message; mu is held for moments, and never during a write.
	sending  sync.Mutex
	mu       sync.Mutex
	idle     sync.Cond
	writing  bool   // somebody has scratch and writes
	scratch  []byte // what is being written
	pending  []byte // control frames that go with the next write
	opened   bool   // our headers have been written
	finished bool   // nothing more may be sent
	maxFrame int
	room     window
}

const (
	// bufferSize holds a few small messages; of a longer one the rest is read to where it belongs.
	bufferSize = 16 << 10
	// smallSend is how long a message may be to be copied behind its header and written in one call. A longer one is
	// written by a vectored call.
	smallSend = 16 << 10
)

func newStream(ctx context.Context, conn net.Conn, in io.Reader, client bool, maxMessage int) *Stream {
	s := &Stream{conn: conn, client: client, max: maxMessage, in: bufio.NewReaderSize(in, bufferSize), maxFrame: defaultFrame}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.headers = hpack.NewDecoder(4096, nil)
	s.headers.SetMaxStringLength(maxHeaderBytes)
	s.idle.L = &s.mu
	s.room.init(&s.mu)
	return s
}

// Context ends when the stream does.
func (s *Stream) Context() context.Context { return s.ctx }

// Close ends the connection at once. Whoever waits in Send or Recv gets an error.
func (s *Stream) Close() error {
	s.cancel()
	err := s.conn.Close()
	s.mu.Lock()
	s.finished = true
	s.room.close()
	s.mu.Unlock()
	return err
}
