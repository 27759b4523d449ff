package process

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/bus/grpcstream"
	"github.com/reevenet/reeve/internal/bus/grpcx"
	"github.com/reevenet/reeve/vmhost/fastcall"
	"github.com/reevenet/reeve/vmhost/launch"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// maxCalls is how many calls a plugin may have open at the host: enough for its goroutines, too few to starve the node.
const maxCalls = 64

func newHostServer(token string, r launch.Request) *grpc.Server {
	server, _ := grpcx.Server{
		Log: r.Around.Log, Count: r.Around.Count, Tracing: r.Around.Tracing, Auth: checkToken(token),
		Options: []grpc.ServerOption{
			grpc.MaxConcurrentStreams(maxCalls), grpc.MaxRecvMsgSize(vmsdk.MaxMessage),
			grpc.MaxSendMsgSize(vmsdk.MaxMessage),
			grpc.ForceServerCodecV2(decode.NewCodec(fastcall.Budget)),
		},
	}.New()
	return server
}

func checkToken(token string) grpcx.Auth {
	return func(ctx context.Context) (context.Context, error) {
		for _, got := range metadata.ValueFromIncomingContext(ctx, vmsdk.TokenKey) {
			if subtle.ConstantTimeCompare([]byte(got), []byte(token)) == 1 {
				grpcstream.Admit(ctx)
				return ctx, nil
			}
		}
		return nil, status.Error(codes.Unauthenticated, "this socket is for the plugin that the host started")
	}
}

// sameUser is a unix-socket listener that turns away processes of other users than the plugin's and its host's, should
// the directory's permissions have been changed.
type sameUser struct {
	*net.UnixListener
	uid uint32
	log *slog.Logger
}

// Accept waits for a connection of our own user.
func (l sameUser) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if peer, err := grpcx.Peer(conn); err == nil && (peer.Uid == l.uid || peer.Uid == uint32(os.Getuid())) {
			return conn, nil
		}
		l.log.Warn("a process of another user tried to use the plugin's socket")
		conn.Close()
	}
}
