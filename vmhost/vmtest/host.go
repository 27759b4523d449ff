package vmtest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"sync"

	"google.golang.org/grpc"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// hostServices is what the kit offers to the VM: the record of accepted blocks, and a network in which nobody answers.
type hostServices struct {
	pb.UnimplementedAppSenderServiceServer
	pb.UnimplementedEngineServiceServer
	pb.UnimplementedBlockServiceServer
	pb.UnimplementedSignatureServiceServer
	session *Session

	// gossiped is closed when the VM has sent gossip.
	gossiped chan struct{}
	once     sync.Once

	mu       sync.Mutex
	accepted map[uint64]*pb.Block
}

func (h *hostServices) register(r grpc.ServiceRegistrar) {
	pb.RegisterAppSenderServiceServer(r, h)
	pb.RegisterEngineServiceServer(r, h)
	pb.RegisterBlockServiceServer(r, h)
	pb.RegisterSignatureServiceServer(r, h)
}

func (h *hostServices) add(b *pb.Block) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accepted[b.GetHeight()] = b
}

func (h *hostServices) SendAppRequest(context.Context, *pb.SendAppRequestRequest) (*pb.SendAppRequestResponse, error) {
	return &pb.SendAppRequestResponse{}, nil
}

func (h *hostServices) SendAppResponse(
	context.Context, *pb.SendAppResponseRequest,
) (*pb.SendAppResponseResponse, error) {
	return &pb.SendAppResponseResponse{}, nil
}

func (h *hostServices) SendAppError(context.Context, *pb.SendAppErrorRequest) (*pb.SendAppErrorResponse, error) {
	return &pb.SendAppErrorResponse{}, nil
}

func (h *hostServices) SendAppGossip(context.Context, *pb.SendAppGossipRequest) (*pb.SendAppGossipResponse, error) {
	h.once.Do(func() { close(h.gossiped) })
	return &pb.SendAppGossipResponse{}, nil
}

func (h *hostServices) Notify(context.Context, *pb.NotifyRequest) (*pb.NotifyResponse, error) {
	return &pb.NotifyResponse{}, nil
}

func (h *hostServices) GetAcceptedBlock(
	_ context.Context, r *pb.GetAcceptedBlockRequest,
) (*pb.GetAcceptedBlockResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if which, ok := r.GetWhich().(*pb.GetAcceptedBlockRequest_Height); ok {
		if b, known := h.accepted[which.Height]; known {
			return &pb.GetAcceptedBlockResponse{Block: b}, nil
		}
	}
	for _, b := range h.accepted {
		if bytes.Equal(b.GetId(), r.GetBlockId()) {
			return &pb.GetAcceptedBlockResponse{Block: b}, nil
		}
	}
	return &pb.GetAcceptedBlockResponse{Error: vmsdk.ErrorToProto(vmsdk.ErrNotFound)}, nil
}

func (h *hostServices) VerifyEd25519(_ context.Context, r *pb.VerifyEd25519Request) (*pb.VerifyEd25519Response, error) {
	out := &pb.VerifyEd25519Response{}
	for _, m := range r.GetSignatures() {
		key := ed25519.PublicKey(m.GetPublicKey())
		valid := len(key) == ed25519.PublicKeySize && ed25519.Verify(key, m.GetMessage(), m.GetSignature())
		out.Valid = append(out.Valid, valid)
	}
	return out, nil
}
