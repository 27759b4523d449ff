// Package grpcx is the one place where gRPC servers and clients are made. What concerns every listener stands here
// once: recovery that keeps a panic's stack out of the answer, logging, metrics, authentication, tracing, health and
// reflection.
package grpcx

import (
	"context"
	"log/slog"
	"slices"
	"time"

	grpcprom "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/reevenet/reeve/internal/bus/grpcstream"
	"github.com/reevenet/reeve/internal/bus/intercept"
)

// MaxMessage is the largest gRPC message in bytes that any of our listeners takes: a batch of the bus, a block with its
// proof. Larger things go by hash.
const MaxMessage = 16 << 20

// connectLimit is from accepting a connection to the end of its handshake.
const connectLimit = 10 * time.Second

// Auth decides who a caller is. It returns the context to go on with, or a status error.
type Auth func(ctx context.Context) (context.Context, error)

// Server says what a server differs in from the others.
type Server struct {
	Log     *slog.Logger
	Metrics *grpcprom.ServerMetrics // nil: none
	Auth    Auth                    // nil: the socket's own permissions are the authentication
	Creds   credentials.TransportCredentials
	Count   intercept.Counter    // nil: none
	Tracing trace.TracerProvider // nil: no spans are opened
	Options []grpc.ServerOption
}

func (s Server) chain() intercept.Chain {
	return intercept.Chain{Log: s.Log, Count: s.Count, Tracing: s.Tracing}
}

// New makes a server with health and reflection registered. The returned health server is serving.
func (s Server) New() (*grpc.Server, *health.Server) {
	unary, stream := s.interceptors()
	opts := append([]grpc.ServerOption{
		grpc.ChainUnaryInterceptor(unary...), grpc.ChainStreamInterceptor(stream...),
		grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage), grpc.MaxConcurrentStreams(1024),
		grpc.ConnectionTimeout(connectLimit),
		grpc.MaxHeaderListSize(grpcstream.MaxHeaders),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: grpcstream.PingsApart,
			PermitWithoutStream: true}),
	}, s.Options...)
	if s.Creds != nil {
		opts = append(opts, grpc.Creds(s.Creds))
	}
	if s.Tracing != nil {
		opts = append(opts, grpc.StatsHandler(s.chain().ServerHandler()))
	}
	srv := grpc.NewServer(opts...)
	h := health.NewServer()
	healthpb.RegisterHealthServer(srv, h)
	reflection.Register(srv)
	return srv, h
}

func (s Server) interceptors() (unary []grpc.UnaryServerInterceptor, stream []grpc.StreamServerInterceptor) {
	if m := s.Metrics; m != nil {
		unary, stream = append(unary, m.UnaryServerInterceptor()), append(stream, m.StreamServerInterceptor())
	}
	chain := s.chain()
	unary, stream = append(unary, chain.Unary()...), append(stream, chain.Stream()...)
	if s.Auth != nil {
		f := auth.AuthFunc(s.Auth)
		unary, stream = append(unary, auth.UnaryServerInterceptor(f)), append(stream, auth.StreamServerInterceptor(f))
	}
	return unary, stream
}

// Metrics counts calls by method and status, for all servers of a process that are given it.
func Metrics(to prometheus.Registerer) *grpcprom.ServerMetrics {
	m := grpcprom.NewServerMetrics()
	to.MustRegister(m)
	return m
}

// StreamInterceptor is what every streaming call passes, for those that another server than grpc-go's serves.
func (s Server) StreamInterceptor() grpc.StreamServerInterceptor {
	_, all := s.interceptors()
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		for _, one := range slices.Backward(all) {
			inner := handler
			handler = func(srv any, stream grpc.ServerStream) error { return one(srv, stream, info, inner) }
		}
		return handler(srv, stream)
	}
}

// Client says what a client differs in.
type Client struct {
	Creds   credentials.TransportCredentials // nil: none, for unix sockets
	Options []grpc.DialOption
}

// Dial makes a connection to target, which is reached when it is first used.
func (c Client) Dial(target string) (*grpc.ClientConn, error) {
	creds := c.Creds
	if creds == nil {
		creds = insecure.NewCredentials()
	}
	opts := append([]grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)),
	}, c.Options...)
	return grpc.NewClient(target, opts...)
}
