package fastcall

import (
	"cmp"
	"crypto/subtle"
	"log/slog"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/bus/grpcstream"
	"github.com/reevenet/reeve/internal/bus/intercept"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// maxChannels is how many channels one plugin may have open: enough for its goroutines, too few to starve the node.
const maxChannels = 64

// maxHello is the longest first message, from somebody who hasn't shown the token, in bytes.
const maxHello = 4 << 10

// Server is the host's side, for one plugin.
type Server struct {
	// Services are what the plugin may call.
	Services Services
	// Blocks and Peers are the channels on which the host calls.
	Blocks, Peers Pool

	token  string
	around intercept.Chain
	stream *grpcstream.Server
	ended  chan struct{}

	mu     sync.Mutex
	open   int
	closed bool
}

// NewServer serves whoever knows the token. around stands around each call in either direction, and outer around each
// channel, as around a call that grpc-go serves.
func NewServer(token string, around intercept.Chain, outer grpc.StreamServerInterceptor) *Server {
	s := &Server{token: token, around: around, ended: make(chan struct{})}
	s.Services.Around = around.Served()
	s.stream = &grpcstream.Server{Path: path, Handle: s.handle, Around: outer, MaxMessage: maxMessage,
		MaxFirst: maxHello, Log: around.Log}
	return s
}

// Serve serves channels on at, and everything else there with others, until Close.
func (s *Server) Serve(at net.Listener, others *grpc.Server) {
	rest := grpcstream.NewOthers(at)
	go func() {
		if err := s.stream.Serve(at, rest); err != nil {
			cmp.Or(s.stream.Log, slog.Default()).Error("the plugin's calls aren't taken any more", "err", err)
		}
	}()
	go func() { _ = others.Serve(rest) }() // it ends with the other
}

// Close ends all channels.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	close(s.ended)
	s.Blocks.Close()
	s.Peers.Close()
	s.stream.Close()
}

// handle serves one channel.
func (s *Server) handle(stream *grpcstream.Stream) error {
	use, err := s.admit(stream)
	if err != nil {
		return err
	}
	grpcstream.Admit(stream.Context())
	if !s.enter() {
		return status.Errorf(codes.ResourceExhausted, "%d channels are open", maxChannels)
	}
	defer s.leave()
	if err := stream.Send(nil); err != nil {
		return err
	}
	switch use {
	case pluginv1.ChannelUse_CHANNEL_USE_HOST:
		return s.Services.answer(stream)
	case pluginv1.ChannelUse_CHANNEL_USE_BLOCKS:
		return s.lend(&s.Blocks, stream)
	case pluginv1.ChannelUse_CHANNEL_USE_PEERS:
		return s.lend(&s.Peers, stream)
	}
	return status.Errorf(codes.InvalidArgument, "no such use of a channel: %v", use)
}

// admit hears what a channel is for from somebody who may open it.
func (s *Server) admit(stream *grpcstream.Stream) (pluginv1.ChannelUse, error) {
	message, err := stream.Recv()
	if err != nil {
		return 0, err
	}
	hello := &pluginv1.OpenChannelRequest{}
	if err := decode.Unmarshal(message, hello, Budget); err != nil {
		return 0, status.Error(codes.InvalidArgument, err.Error())
	}
	if subtle.ConstantTimeCompare([]byte(hello.GetToken()), []byte(s.token)) != 1 {
		return 0, status.Error(codes.Unauthenticated, "this socket is for the plugin that the host started")
	}
	return hello.GetUse(), nil
}

// lend gives a channel to those who ask, until it breaks or all ends.
func (s *Server) lend(to *Pool, stream *grpcstream.Stream) error {
	to.give(newChannel(stream, s.around))
	select {
	case <-stream.Context().Done():
	case <-s.ended:
	}
	return nil
}

func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.open >= maxChannels {
		return false
	}
	s.open++
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
}
