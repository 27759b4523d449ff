package carrier

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/tap"

	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/internal/bus/rawsock"
	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

const (
	window = 32 << 20  // bytes that may be on their way on a stream and on a connection
	buffer = 128 << 10 // bytes that are read or written by one call
	// aliveEvery is how often a client asks whether a machine that says nothing is still there.
	aliveEvery = 10 * time.Second

	// What grpc-go lets everybody have who reaches the bus: so many calls at once on a connection, so long for one that
	// doesn't attach, and so long without any.
	maxCalls  = 64
	callLimit = 10 * time.Second
	idleLimit = 15 * time.Second
)

// limitCalls gives every call but Attach, which has a deadline of its own until its caller is admitted, a time to end:
// one whose question doesn't come ends, too.
func limitCalls(ctx context.Context, call *tap.Info) (context.Context, error) {
	if call.FullMethodName == method {
		return ctx, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	context.AfterFunc(ctx, cancel)
	return ctx, nil
}

// messages is a stream of grpc-go, of either side.
type messages interface {
	Context() context.Context
	SendMsg(m any) error
	RecvMsg(m any) error
}

// grpcStream is a stream of grpc-go that several goroutines may send on.
type grpcStream struct {
	messages
	sending sync.Mutex
}

func (g *grpcStream) Send(b *wire.Batch) error {
	g.sending.Lock()
	defer g.sending.Unlock()
	err := g.SendMsg(b)
	b.Bytes = *written.Get(0) // grpc-go writes the other's later
	return err
}

func (g *grpcStream) Recv(b *wire.Batch) error { return g.RecvMsg(b) }

// grpcClient is a stream with a connection of its own.
type grpcClient struct {
	grpcStream
	conn   *grpc.ClientConn
	cancel context.CancelFunc
}

func (g *grpcClient) CloseSend() error {
	g.sending.Lock()
	defer g.sending.Unlock()
	return g.messages.(grpc.ClientStream).CloseSend()
}

func (g *grpcClient) Close() {
	g.cancel()
	_ = g.conn.Close()
}

func dialGRPC(ctx context.Context, address string, secure *tls.Config) (ClientStream, error) {
	ctx, cancel := context.WithCancel(ctx)
	conn, err := clientOf(address, secure).Dial("passthrough:///" + address)
	if err != nil {
		cancel()
		return nil, err
	}
	g := &grpcClient{conn: conn, cancel: cancel}
	if g.messages, err = conn.NewStream(ctx, &overseerv1.OverseerService_ServiceDesc.Streams[0], method); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

func clientOf(address string, secure *tls.Config) grpcx.Client {
	c := grpcx.Client{Options: []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{})), grpc.WithDisableRetry(), grpc.WithNoProxy(),
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window),
		grpc.WithReadBufferSize(buffer), grpc.WithWriteBufferSize(buffer),
	}}
	if path, ok := unixPath(address); ok {
		quietly := func(ctx context.Context, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return rawsock.Dialed(dialer.DialContext(ctx, "unix", path))
		}
		c.Options = append(c.Options, grpc.WithAuthority("localhost"), grpc.WithContextDialer(quietly))
	} else {
		c.Options = append(c.Options, grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: aliveEvery}))
	}
	if secure != nil {
		c.Creds = credentials.NewTLS(secure)
	}
	return c
}

// unixPath is the path of a unix socket's address.
func unixPath(address string) (string, bool) {
	path, ok := strings.CutPrefix(address, "unix:")
	return strings.TrimPrefix(path, "//"), ok
}

// service is the bus's method as grpc-go serves it.
type service struct {
	overseerv1.UnimplementedOverseerServiceServer
	handle func(Stream) error
}

// Attach serves one stream.
func (s service) Attach(stream grpc.BidiStreamingServer[overseerv1.AttachRequest, overseerv1.AttachResponse]) error {
	return s.handle(&grpcStream{messages: stream})
}

func grpcServer(cfg grpcx.Server, handle func(Stream) error) *grpc.Server {
	cfg.Options = append(cfg.Options[:len(cfg.Options):len(cfg.Options)],
		grpc.ForceServerCodecV2(codec{}), grpc.InitialWindowSize(window), grpc.InitialConnWindowSize(window),
		grpc.ReadBufferSize(buffer), grpc.WriteBufferSize(buffer),
		grpc.MaxConcurrentStreams(maxCalls), grpc.InTapHandle(limitCalls),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: idleLimit}))
	server, _ := cfg.New()
	overseerv1.RegisterOverseerServiceServer(server, service{handle: handle})
	return server
}

// quietly are credentials whose connections are read and written by rawsock, where nothing lies between them and the
// socket.
type quietly struct {
	credentials.TransportCredentials
}

func (q quietly) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, auth, err := q.TransportCredentials.ServerHandshake(conn)
	if err != nil {
		return nil, nil, err
	}
	return rawsock.Conn(conn), auth, nil
}

func (q quietly) Clone() credentials.TransportCredentials { return q }
