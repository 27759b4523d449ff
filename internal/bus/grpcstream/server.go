package grpcstream

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/reevenet/reeve/internal/bus/accept"
	"github.com/reevenet/reeve/internal/bus/rawsock"
)

// drainLimit is for the client to see the end and go.
const drainLimit = time.Second

// Server serves one method's streams on a listener and hands every other connection on.
type Server struct {
	// Path of the method.
	Path string
	// Handle serves one stream; its error is the status that ends it.
	Handle func(*Stream) error
	// Creds protect connections and say who is at the other end; nil: none.
	Creds credentials.TransportCredentials
	// Around stands around Handle as it stands around a call that grpc-go serves: recovery, log, metrics. It sees the
	// call and its end, and its messages not at all. nil: nothing does, and a handler that panics ends the process.
	Around grpc.StreamServerInterceptor
	// MaxMessage is the longest message in bytes that is received.
	MaxMessage int
	// MaxFirst is the longest first one, from somebody who isn't known yet; 0: MaxMessage.
	MaxFirst int
	// Log is where failures to accept are logged; nil: slog's default.
	Log *slog.Logger

	once      sync.Once
	running   context.Context
	end       context.CancelFunc
	serving   sync.WaitGroup
	strangers strangers
}

// Serve accepts connections until the listener is closed, or ends by itself, which is an error. Those who accept what is
// handed on learn of the end, too. It returns when all its streams have ended.
func (s *Server) Serve(from net.Listener, others *Others) error {
	defer s.serving.Wait()
	for {
		conn, err := accept.Next(from.Accept, accept.Over, s.ctx().Done(), cmp.Or(s.Log, slog.Default()))
		switch {
		case err == nil:
			s.serving.Go(func() { s.conn(conn, others) })
		case errors.Is(err, net.ErrClosed) || s.ctx().Err() != nil:
			return nil
		default:
			s.Close()
			return errors.Join(err, others.Close())
		}
	}
}

// Close ends all streams. The listener is its owner's to close.
func (s *Server) Close() {
	s.ctx()
	s.end()
}

// ctx ends with the server.
func (s *Server) ctx() context.Context {
	s.once.Do(func() { s.running, s.end = context.WithCancel(context.Background()) })
	return s.running
}

// conn finds out what a connection is for and serves it or hands it on.
func (s *Server) conn(raw net.Conn, others *Others) {
	defer context.AfterFunc(s.ctx(), func() { raw.Close() })()
	place := s.strangers.enter(raw)
	met, ours, err := s.meet(raw)
	switch {
	case err != nil:
		place.leave()
		raw.Close()
	case ours:
		defer place.leave()
		_ = place.says(0)
		_ = raw.SetReadDeadline(time.Now().Add(helloLimit)) // until he is admitted
		ctx := peer.NewContext(context.Background(), &peer.Peer{Addr: raw.RemoteAddr(), LocalAddr: raw.LocalAddr(),
			AuthInfo: known{met.auth, place}})
		stream := newStream(ctx, met.Conn, met.in, false, s.MaxMessage)
		stream.max = cmp.Or(s.MaxFirst, s.MaxMessage)
		s.stream(stream)
	default:
		met.place = place
		others.hand(met)
	}
}

// meet hears who is there and what for, if that comes soon.
func (s *Server) meet(raw net.Conn) (met *handed, ours bool, err error) {
	_ = raw.SetDeadline(time.Now().Add(helloLimit))
	met = &handed{Conn: raw}
	if s.Creds != nil {
		if met.Conn, met.auth, err = s.Creds.ServerHandshake(raw); err != nil {
			return nil, false, err
		}
	}
	met.Conn = rawsock.Conn(met.Conn)
	said, ours, err := sniff(met.Conn, s.Path)
	met.in = io.MultiReader(said, met.Conn)
	_ = raw.SetDeadline(time.Time{})
	return met, ours, err
}

// stream runs the handler and ends the stream with its status.
func (s *Server) stream(stream *Stream) {
	defer stream.Close()
	if _, err := stream.in.Discard(len(http2.ClientPreface)); err != nil {
		return
	}
	err := stream.now(func(w *http2.Framer) error {
		return errors.Join(preamble(w), writeHeaders(w, streamID, false, response()))
	})
	if err != nil {
		return
	}
	stream.talked.Store(true)
	err = s.handle(stream)
	// A Send that waits for a client that doesn't read would hold up the end.
	_ = stream.conn.SetWriteDeadline(time.Now().Add(drainLimit))
	if stream.finish(err) != nil {
		return
	}
	// The handler may have left a goroutine in Recv: it ends first.
	_ = stream.conn.SetReadDeadline(time.Now())
	stream.reading.Lock()
	defer stream.reading.Unlock()
	// Closing a socket with unread bytes in it would take the status from the client: read until it has gone.
	_ = stream.conn.SetReadDeadline(time.Now().Add(drainLimit))
	_, _ = io.Copy(io.Discard, stream.in.Reader)
}

// handle runs the handler, and what stands around it.
func (s *Server) handle(stream *Stream) error {
	if s.Around == nil {
		return s.Handle(stream)
	}
	info := &grpc.StreamServerInfo{FullMethod: s.Path, IsClientStream: true, IsServerStream: true}
	handle := func(any, grpc.ServerStream) error { return s.Handle(stream) }
	return s.Around(nil, intercepted{ctx: stream.ctx}, info, handle)
}

// intercepted is what interceptors get to see of a stream: its context.
type intercepted struct {
	grpc.ServerStream
	ctx context.Context
}

// Context is the stream's.
func (c intercepted) Context() context.Context { return c.ctx }
