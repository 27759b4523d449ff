// Package inproc calls a gRPC service that lives in the same process: no socket, no goroutine, no encoding. The
// caller's code and the service's run one after the other on one goroutine, which makes a simulation repeatable.
// Messages are copied, so that neither side sees what the other does to its own.
package inproc

import (
	"context"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/vmhost/calls"
)

// Conn is both ends of a connection: services are registered on it as on a grpc.Server, and clients use it as a
// connection.
type Conn struct {
	calls.Methods

	mu     sync.RWMutex
	closed error
}

// New returns a connection to nothing yet.
func New() *Conn { return &Conn{} }

// Break makes this and every later call fail as unavailable, as a dead process does.
func (c *Conn) Break(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil {
		c.closed = status.Error(codes.Unavailable, cause.Error())
	}
}

// broken is why no call goes through; nil: it does.
func (c *Conn) broken(ctx context.Context) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed == nil && ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	return c.closed
}

// Invoke calls a unary method.
func (c *Conn) Invoke(ctx context.Context, name string, request, reply any, _ ...grpc.CallOption) error {
	if err := c.broken(ctx); err != nil {
		return err
	}
	answer, err := c.Call(ctx, name, copyTo(request))
	if err != nil {
		return status.Convert(err).Err()
	}
	if err := c.broken(context.Background()); err != nil {
		return err
	}
	proto.Merge(reply.(proto.Message), answer.(proto.Message))
	return nil
}

func copyTo(from any) func(any) error {
	return func(to any) error {
		proto.Merge(to.(proto.Message), from.(proto.Message))
		return nil
	}
}

// NewStream calls a method that answers with a stream. The service has run to its end when the first answer is read.
func (c *Conn) NewStream(ctx context.Context, _ *grpc.StreamDesc, name string,
	_ ...grpc.CallOption) (grpc.ClientStream, error) {
	if err := c.broken(ctx); err != nil {
		return nil, err
	}
	call, err := c.Stream(name)
	if err != nil {
		return nil, err
	}
	return &stream{ctx: ctx, call: call}, nil
}

// stream is both ends of one call with a streamed answer.
type stream struct {
	ctx     context.Context
	call    func(grpc.ServerStream) error
	request any
	answers []proto.Message
	end     error
}

func (s *stream) Context() context.Context     { return s.ctx }
func (s *stream) SetHeader(metadata.MD) error  { return nil }
func (s *stream) SendHeader(metadata.MD) error { return nil }
func (s *stream) SetTrailer(metadata.MD)       {}

func (s *stream) Header() (metadata.MD, error) { return nil, nil }
func (s *stream) Trailer() metadata.MD         { return nil }

func (s *stream) SendMsg(m any) error {
	s.request = m
	return nil
}

func (s *stream) CloseSend() error {
	s.end = s.call(serviceEnd{s})
	if s.end == nil {
		s.end = io.EOF
	}
	return nil
}

func (s *stream) RecvMsg(m any) error {
	if len(s.answers) == 0 {
		return s.end
	}
	proto.Merge(m.(proto.Message), s.answers[0])
	s.answers = s.answers[1:]
	return nil
}

// serviceEnd is the service's view of the stream.
type serviceEnd struct{ *stream }

func (s serviceEnd) SendMsg(m any) error {
	s.answers = append(s.answers, proto.Clone(m.(proto.Message)))
	return nil
}

func (s serviceEnd) RecvMsg(m any) error { return copyTo(s.request)(m) }
