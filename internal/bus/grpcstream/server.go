package grpcstream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/rawsock"
)

const (
	helloLimit = 10 * time.Second // from accepting a connection to knowing what it is for
	drainLimit = time.Second      // for the client to see the end and go
)

// Server serves one method's streams on a listener and hands every other connection on.
type Server struct {
	// Path of the method.
	Path string
	// Handle serves one stream; its error is the status that ends it.
	Handle func(*Stream) error
	// Creds protect connections and say who is at the other end; nil: none.
	Creds credentials.TransportCredentials
	// MaxMessage is the longest message in bytes that is received.
	MaxMessage int
	// Log is told of panics; nil: slog's default.
	Log *slog.Logger

	mu      sync.Mutex
	closed  bool
	open    map[net.Conn]bool
	serving sync.WaitGroup
}

// Serve accepts connections until the listener is closed. It returns when all its streams have ended.
func (s *Server) Serve(from net.Listener, others *Others) error {
	defer s.serving.Wait()
	for {
		conn, err := from.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		if !s.track(conn) {
			conn.Close()
			continue
		}
		s.serving.Go(func() { s.conn(conn, others) })
	}
}

// Close ends all streams. The listener is its owner's to close.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for conn := range s.open {
		conn.Close()
	}
}

func (s *Server) track(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.open == nil {
		s.open = map[net.Conn]bool{}
	}
	s.open[conn] = true
	return true
}

func (s *Server) forget(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
}

// conn finds out what a connection is for and serves it or hands it on.
func (s *Server) conn(raw net.Conn, others *Others) {
	defer s.forget(raw)
	_ = raw.SetDeadline(time.Now().Add(helloLimit))
	conn, auth, err := s.handshake(raw)
	if err != nil {
		raw.Close()
		return
	}
	said, path, err := sniff(conn)
	if err != nil {
		conn.Close()
		return
	}
	_ = raw.SetDeadline(time.Time{})
	if path != s.Path {
		others.hand(&handed{Conn: conn, in: io.MultiReader(said, conn), auth: auth})
		return
	}
	conn = rawsock.Conn(conn)
	replayed := io.MultiReader(said, conn)
	ctx := peer.NewContext(context.Background(), &peer.Peer{Addr: conn.RemoteAddr(), LocalAddr: conn.LocalAddr(), AuthInfo: auth})
	s.stream(newStream(ctx, conn, replayed, false, s.MaxMessage))
}

func (s *Server) handshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	if s.Creds == nil {
		return raw, nil, nil
	}
	return s.Creds.ServerHandshake(raw)
}

// stream runs the handler and ends the stream with its status.
func (s *Server) stream(stream *Stream) {
	defer stream.Close()
	if err := stream.skipPreface(); err != nil {
		return
	}
	if err := stream.now(func(b []byte) []byte { return appendPreamble(b, false) }); err != nil {
		return
	}
	err := s.guarded(stream)
	_ = stream.conn.SetWriteDeadline(time.Now().Add(drainLimit)) // a Send that waits for a client that doesn't read would hold up the end
	if stream.finish(err) != nil {
		return
	}
	// The handler may have left a goroutine in Recv: it ends first.
	_ = stream.conn.SetReadDeadline(time.Now())
	stream.reading.Lock()
	defer stream.reading.Unlock()
	// Closing a socket with unread bytes in it would take the status from the client: read until it has gone.
	_ = stream.conn.SetReadDeadline(time.Now().Add(drainLimit))
	_, _ = io.Copy(io.Discard, stream.in)
}

// guarded turns a panic into a status that says nothing of our insides; the log says it all.
func (s *Server) guarded(stream *Stream) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log := s.Log
			if log == nil {
				log = slog.Default()
			}
			log.Error("a handler panicked", "panic", p, "stack", string(debug.Stack()))
			err = status.Error(codes.Internal, "the server failed on this call; its log says why")
		}
	}()
	return s.Handle(stream)
}
