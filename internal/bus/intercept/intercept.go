// Package intercept is what stands around every call of a node, whichever way the call goes: over grpc-go, or over a
// stream that carries gRPC calls without it. A panic ends the call and not the process, failures are logged, calls are
// counted, and traces go on. For grpc-go the parts are those of its middleware and of OpenTelemetry; the same functions
// serve the other calls.
package intercept

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Chain is what one process puts around its calls. The zero value recovers and nothing else.
type Chain struct {
	// Log takes failures as warnings, and each call at debug; nil: it is silent.
	Log *slog.Logger
	// Count is notified of every call; nil: nobody is.
	Count Counter
	// Tracing opens spans; nil: none, but the trace that a call is part of goes on.
	Tracing trace.TracerProvider
}

// Counter counts calls. It is called by many goroutines.
type Counter interface {
	// Made is called at the end of each call that this process has made, Served at the end of each that it has served.
	Made(method string, took time.Duration, err error)
	Served(method string, took time.Duration, err error)
}

// Unary is what calls that are served pass, the outermost first, apart from tracing.
func (c Chain) Unary() (list []grpc.UnaryServerInterceptor) {
	if c.Count != nil {
		list = append(list, c.countUnary)
	}
	if c.Log != nil {
		list = append(list, c.logUnary())
	}
	return append(list, recovery.UnaryServerInterceptor(recovery.WithRecoveryHandlerContext(c.caught)))
}

// Stream is Unary for calls with streams.
func (c Chain) Stream() (list []grpc.StreamServerInterceptor) {
	if c.Count != nil {
		list = append(list, c.countStream)
	}
	if c.Log != nil {
		list = append(list, logging.StreamServerInterceptor(c.logger(), events))
	}
	return append(list, recovery.StreamServerInterceptor(recovery.WithRecoveryHandlerContext(c.caught)))
}

// Client is what calls that are made pass, apart from tracing.
func (c Chain) Client() (list []grpc.UnaryClientInterceptor) {
	if c.Count != nil {
		list = append(list, c.countClient)
	}
	if c.Log != nil {
		list = append(list, c.logClient())
	}
	return list
}

// Served is everything that calls pass which are served without grpc-go, in one.
func (c Chain) Served() grpc.UnaryServerInterceptor {
	all := append([]grpc.UnaryServerInterceptor{tracedServer(c.ServerHandler())}, c.Unary()...)
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		s := &served{rest: all, info: info, handler: handler}
		s.next = s.pass
		return s.pass(ctx, request)
	}
}

// served is a call on its way inwards, one for all interceptors: each of them goes on once.
type served struct {
	rest    []grpc.UnaryServerInterceptor
	info    *grpc.UnaryServerInfo
	handler grpc.UnaryHandler
	next    grpc.UnaryHandler
}

func (s *served) pass(ctx context.Context, request any) (any, error) {
	if len(s.rest) == 0 {
		return s.handler(ctx, request)
	}
	one := s.rest[0]
	s.rest = s.rest[1:]
	return one(ctx, request, s.info, s.next)
}

// Made puts everything that calls pass which are made without grpc-go around one way of making them.
func (c Chain) Made(invoke grpc.UnaryInvoker) grpc.UnaryInvoker {
	for _, one := range slices.Backward(append([]grpc.UnaryClientInterceptor{tracedClient(c.ClientHandler())},
		c.Client()...)) {
		inner := invoke
		invoke = func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
			options ...grpc.CallOption) error {
			return one(ctx, method, request, reply, conn, inner, options...)
		}
	}
	return invoke
}

// ServerOptions put the chain around what a grpc.Server serves.
func (c Chain) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(c.Unary()...), grpc.ChainStreamInterceptor(c.Stream()...),
		grpc.StatsHandler(c.ServerHandler()),
	}
}

// DialOptions put the chain around the calls of a grpc.ClientConn.
func (c Chain) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithChainUnaryInterceptor(c.Client()...), grpc.WithStatsHandler(c.ClientHandler())}
}

// caught turns a panic into an answer that says nothing of our insides; the log says it all.
func (c Chain) caught(_ context.Context, p any) error {
	if c.Log != nil {
		c.Log.Error("a handler panicked", "panic", p, "stack", string(debug.Stack()))
	}
	return status.Error(codes.Internal, "the server failed on this call; its log says why")
}

func (c Chain) countUnary(ctx context.Context, request any, info *grpc.UnaryServerInfo,
	handler grpc.UnaryHandler) (any, error) {
	start := time.Now()
	response, err := handler(ctx, request)
	c.Count.Served(info.FullMethod, time.Since(start), err)
	return response, err
}

func (c Chain) countStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo,
	handler grpc.StreamHandler) error {
	start := time.Now()
	err := handler(srv, stream)
	c.Count.Served(info.FullMethod, time.Since(start), err)
	return err
}

func (c Chain) countClient(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker,
	options ...grpc.CallOption) error {
	start := time.Now()
	err := invoke(ctx, method, request, reply, conn, options...)
	c.Count.Made(method, time.Since(start), err)
	return err
}
