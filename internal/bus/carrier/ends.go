package carrier

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"

	"google.golang.org/grpc"

	"github.com/reevenet/reeve/internal/bus/accept"
	"github.com/reevenet/reeve/internal/bus/grpcstream"
	"github.com/reevenet/reeve/internal/bus/grpcx"
)

// Client opens streams to one overseer.
type Client struct {
	// Address of the overseer: "unix:/path" or "host:port".
	Address string
	// TLS is the client's side of mutual TLS between machines; nil on a unix socket.
	TLS *tls.Config
	// Kind of carrier, on a unix socket.
	Kind Kind
}

// Dial connects and opens a stream. It lives until ctx ends, the server ends it, or Close. Why a server refuses it is
// what the first Recv says.
func (c Client) Dial(ctx context.Context) (ClientStream, error) {
	if _, unix := unixPath(c.Address); unix && c.TLS == nil && c.Kind != GRPC {
		return dialFast(ctx, c.Address)
	}
	return dialGRPC(ctx, c.Address, c.TLS)
}

// Server serves streams on any number of listeners, and on the same ones gRPC's health and reflection.
type Server struct {
	fast *grpcstream.Server // nil: grpc-go serves everything
	grpc *grpc.Server
	log  *slog.Logger
}

// NewServer makes a server of the bus that serves each stream by handle, whose error is the status that ends it. cfg is
// what it has in common with the other gRPC servers of a process.
func NewServer(cfg grpcx.Server, kind Kind, handle func(Stream) error) *Server {
	if cfg.Creds == nil {
		cfg.Creds = grpcx.PeerCreds()
	}
	s := &Server{log: cmp.Or(cfg.Log, slog.Default())}
	if kind != GRPC && cfg.Creds.Info().SecurityProtocol != "tls" {
		s.fast = fastServer(cfg, handle)
	}
	cfg.Creds = grpcstream.HandedCreds(quietly{cfg.Creds})
	s.grpc = grpcServer(cfg, handle)
	return s
}

// Serve accepts connections until Stop, or until at ends by itself, which is an error; it returns when all its streams
// have ended. It closes at.
func (s *Server) Serve(at net.Listener) error {
	if s.fast == nil || at.Addr().Network() != "unix" {
		return s.grpc.Serve(accept.Listener(at, s.log))
	}
	defer at.Close()
	others := grpcstream.NewOthers(at)
	ended := make(chan error, 1)
	go func() { ended <- s.fast.Serve(at, others) }()
	err := s.grpc.Serve(others) // Stop closes others, and others closes at
	at.Close()
	return errors.Join(err, <-ended)
}

// Stop ends all streams and calls.
func (s *Server) Stop() {
	if s.fast != nil {
		s.fast.Close()
	}
	s.grpc.Stop()
}

// Admit tells that the caller of a stream, or of a call beside it, is known: until then he is a stranger, with a
// deadline, little to say and one of a few places.
func Admit(ctx context.Context) { grpcstream.Admit(ctx) }
