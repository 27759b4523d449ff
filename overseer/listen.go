package overseer

import (
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/reevenet/reeve/internal/bus/grpcstream"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Listener serves the bus on a socket. Connections that begin with Attach get the bus's own carrier; all else, health and
// reflection and clients that attach on a connection they used before, is grpc-go's.
type Listener struct {
	attach *grpcstream.Server
	others *grpc.Server
}

// Listen makes a listener of the bus. cfg is what it has in common with the other listeners of a process.
func (s *Server) Listen(cfg grpcx.Server) *Listener {
	creds := cfg.Creds
	if creds == nil {
		creds = grpcx.PeerCreds()
	}
	cfg.Creds = grpcstream.HandedCreds(creds)
	cfg.Options = append(cfg.Options[:len(cfg.Options):len(cfg.Options)], serverOptions()...)
	others, _ := cfg.New()
	overseerv1.RegisterOverseerServiceServer(others, s)
	return &Listener{attach: s.carrier(cfg, creds), others: others}
}

func (s *Server) carrier(cfg grpcx.Server, creds credentials.TransportCredentials) *grpcstream.Server {
	return &grpcstream.Server{
		Path: overseerv1.OverseerService_Attach_FullMethodName, MaxMessage: grpcx.MaxMessage, Creds: creds, Log: cfg.Log,
		Handle: func(stream *grpcstream.Stream) error { return s.attach(carried{stream}) },
	}
}

// Serve accepts connections until Stop; it returns when all streams have ended. It closes at.
func (l *Listener) Serve(at net.Listener) error {
	defer at.Close()
	others := grpcstream.NewOthers(at)
	ended := make(chan error, 1)
	go func() { ended <- l.attach.Serve(at, others) }()
	err := l.others.Serve(others) // Stop closes others, and others closes at
	at.Close()
	return errors.Join(err, <-ended)
}

// Stop ends all streams and calls.
func (l *Listener) Stop() {
	l.attach.Close()
	l.others.Stop()
}

// serverOptions are what a grpc-go server needs to carry the bus: its codec and its buffers.
func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ForceServerCodecV2(wire.Codec{}), grpc.InitialWindowSize(32 << 20), grpc.InitialConnWindowSize(32 << 20),
		grpc.ReadBufferSize(128 << 10), grpc.WriteBufferSize(128 << 10),
	}
}

// carried is a stream of the bus's own carrier as the server sees it.
type carried struct{ *grpcstream.Stream }

func (c carried) SendMsg(m any) error {
	b, ok := m.(*wire.Batch)
	if !ok {
		return fmt.Errorf("the bus carries batches, not %T", m)
	}
	return c.Send(b.Bytes)
}

// TrySend is SendMsg that doesn't wait.
func (c carried) TrySend(b *wire.Batch) (sent bool, err error) { return c.Stream.TrySend(b.Bytes) }

func (c carried) RecvMsg(m any) (err error) {
	b, ok := m.(*wire.Batch)
	if !ok {
		return fmt.Errorf("the bus carries batches, not %T", m)
	}
	b.Bytes, err = c.RecvInto(b.Bytes)
	return err
}
