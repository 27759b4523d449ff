package vmtest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"sync"

	"google.golang.org/grpc"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// hostServices is what the kit offers to the VM: the record of accepted blocks, and a network in which nobody answers.
type hostServices struct {
	pluginv1.UnimplementedAppSenderServiceServer
	pluginv1.UnimplementedEngineServiceServer
	pluginv1.UnimplementedBlockServiceServer
	pluginv1.UnimplementedSignatureServiceServer
	session *Session

	mu       sync.Mutex
	accepted map[uint64]*pluginv1.Block
	notified int
}

func (h *hostServices) register(r grpc.ServiceRegistrar) {
	pluginv1.RegisterAppSenderServiceServer(r, h)
	pluginv1.RegisterEngineServiceServer(r, h)
	pluginv1.RegisterBlockServiceServer(r, h)
	pluginv1.RegisterSignatureServiceServer(r, h)
}

func (h *hostServices) add(b *pluginv1.Block) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accepted[b.GetHeight()] = b
}

func (h *hostServices) SendAppRequest(context.Context, *pluginv1.SendAppRequestRequest) (*pluginv1.SendAppRequestResponse, error) {
	return &pluginv1.SendAppRequestResponse{}, nil
}

func (h *hostServices) SendAppResponse(context.Context, *pluginv1.SendAppResponseRequest) (*pluginv1.SendAppResponseResponse, error) {
	return &pluginv1.SendAppResponseResponse{}, nil
}

func (h *hostServices) SendAppError(context.Context, *pluginv1.SendAppErrorRequest) (*pluginv1.SendAppErrorResponse, error) {
	return &pluginv1.SendAppErrorResponse{}, nil
}

func (h *hostServices) SendAppGossip(context.Context, *pluginv1.SendAppGossipRequest) (*pluginv1.SendAppGossipResponse, error) {
	return &pluginv1.SendAppGossipResponse{}, nil
}

func (h *hostServices) Notify(context.Context, *pluginv1.NotifyRequest) (*pluginv1.NotifyResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notified++
	return &pluginv1.NotifyResponse{}, nil
}

func (h *hostServices) GetAcceptedBlock(_ context.Context, r *pluginv1.GetAcceptedBlockRequest) (*pluginv1.GetAcceptedBlockResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if which, ok := r.GetWhich().(*pluginv1.GetAcceptedBlockRequest_Height); ok {
		if b, known := h.accepted[which.Height]; known {
			return &pluginv1.GetAcceptedBlockResponse{Block: b}, nil
		}
	}
	for _, b := range h.accepted {
		if bytes.Equal(b.GetId(), r.GetBlockId()) {
			return &pluginv1.GetAcceptedBlockResponse{Block: b}, nil
		}
	}
	return &pluginv1.GetAcceptedBlockResponse{Error: vmsdk.ErrorToProto(vmsdk.ErrNotFound)}, nil
}

func (h *hostServices) VerifyEd25519(_ context.Context, r *pluginv1.VerifyEd25519Request) (*pluginv1.VerifyEd25519Response, error) {
	out := &pluginv1.VerifyEd25519Response{}
	for _, m := range r.GetSignatures() {
		out.Valid = append(out.Valid, len(m.GetPublicKey()) == ed25519.PublicKeySize && ed25519.Verify(m.GetPublicKey(), m.GetMessage(), m.GetSignature()))
	}
	return out, nil
}
