package vmsdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database/remote"
	"github.com/reevenet/reeve/vmhost/fastcall"
)

// MaxMessage bounds every message between host and plugin, in bytes. A block is at most 2 MiB; the rest is room for
// what its Accept writes.
const MaxMessage = 16 << 20

// host is the plugin's end of the host's services.
type host struct {
	reads    *reads // what db and blocks go over
	db       *remote.Client
	sender   pb.AppSenderServiceClient
	blocks   pb.BlockServiceClient
	notifier *notifier
	conn     io.Closer
	fast     *channels // nil when the host has none
}

// connect reaches the host's services, over the environment's connection or the address in the request.
func (s *Server) connect(r *pb.InitializeRequest) (*host, error) {
	conn := s.env.Host
	h := &host{}
	if conn == nil {
		if r.GetHostAddress() == "" {
			return nil, errors.New("the host named no address for its services")
		}
		dialed, err := grpc.NewClient(r.GetHostAddress(), append(s.env.Around.DialOptions(),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithPerRPCCredentials(token(r.GetHostToken())),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)))...)
		if err != nil {
			return nil, fmt.Errorf("the host's services at %s: %w", r.GetHostAddress(), err)
		}
		conn, h.conn = dialed, dialed
		if slices.Contains(r.GetHostCapabilities(), fastcall.Capability) {
			h.fast = newChannels(fastcall.Dialer{Target: r.GetHostAddress(), Token: r.GetHostToken(),
				Around: s.env.Around})
			conn = &fastcall.Conn{ClientConnInterface: dialed, For: h.fast.forMethod}
		}
	}
	h.reads = &reads{ClientConnInterface: conn, now: s.env.Now}
	h.db = remote.NewClient(h.reads, s.env.CacheSize)
	h.db.Alone = s.env.Alone
	h.sender = pb.NewAppSenderServiceClient(conn)
	h.blocks = pb.NewBlockServiceClient(h.reads)
	h.notifier = &notifier{engine: pb.NewEngineServiceClient(conn), run: s.env.Go}
	return h, nil
}

func (h *host) close() {
	h.db.Close()
	if h.fast != nil {
		h.fast.close()
	}
	if h.conn != nil {
		h.conn.Close()
	}
}

// token goes with every call. The socket is a unix socket that only this user can open, so it needs no transport
// security.
type token string

// TokenKey is the metadata key of the host services' token.
const TokenKey = "reeve-token"

func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{TokenKey: string(t)}, nil
}

func (t token) RequireTransportSecurity() bool { return false }

// ByID reads an accepted block.
func (h *host) ByID(ctx context.Context, id ID) (*AcceptedBlock, error) {
	return h.accepted(ctx, &pb.GetAcceptedBlockRequest{Which: &pb.GetAcceptedBlockRequest_BlockId{BlockId: id[:]}})
}

// AtHeight reads an accepted block.
func (h *host) AtHeight(ctx context.Context, height uint64) (*AcceptedBlock, error) {
	return h.accepted(ctx, &pb.GetAcceptedBlockRequest{Which: &pb.GetAcceptedBlockRequest_Height{Height: height}})
}

func (h *host) accepted(ctx context.Context, r *pb.GetAcceptedBlockRequest) (*AcceptedBlock, error) {
	answer, err := h.blocks.GetAcceptedBlock(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("accepted block: %w", err)
	}
	if err := ErrorFromProto(answer.GetError()); err != nil {
		if !errors.Is(err, ErrNotFound) {
			h.reads.failed(err)
		}
		return nil, err
	}
	return acceptedFrom(answer.GetBlock())
}
