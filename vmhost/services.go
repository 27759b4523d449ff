package vmhost

import (
	"context"
	"errors"
	"time"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// Bounds of what a plugin can make the node send.
const (
	maxAppBytes = 1 << 20
	maxAppNodes = 1000
	maxVerify   = 4096
	// What a plugin may gossip, in bytes a second and at once; a message costs gossipRoom beside its own.
	gossipPerS   = 2 << 20
	gossipAtOnce = 16 << 20
	gossipRoom   = 512
)

// services are what the host offers to one plugin. Its methods run on the plugin's calls, beside the handler: they
// touch nothing of the handler's but the outcome table, and reach it through post.
type services struct {
	pluginv1.UnimplementedAppSenderServiceServer
	pluginv1.UnimplementedEngineServiceServer
	pluginv1.UnimplementedBlockServiceServer
	pluginv1.UnimplementedSignatureServiceServer

	store    *chainstore.Record
	outcomes *outcomes
	gossip   *rate.Limiter
	// number makes the network's number for a request.
	number func() uint32
	now    func() time.Time
	// send, ask and notify come back to the handler's loop. They go on in the trace of the plugin's call.
	send   func(ctx context.Context, msg proto.Message)
	ask    func(ctx context.Context, r *enginev1.SendAppRequest)
	notify func(ctx context.Context, e pluginv1.Event)
}

func (s *services) register(r grpc.ServiceRegistrar) {
	pluginv1.RegisterAppSenderServiceServer(r, s)
	pluginv1.RegisterEngineServiceServer(r, s)
	pluginv1.RegisterBlockServiceServer(r, s)
	pluginv1.RegisterSignatureServiceServer(r, s)
}

func nodesFrom(ids [][]byte) ([]primitives.NodeID, error) {
	if len(ids) > maxAppNodes {
		return nil, status.Errorf(codes.InvalidArgument, "%d nodes; at most %d are allowed", len(ids), maxAppNodes)
	}
	nodes := make([]primitives.NodeID, len(ids))
	for i, id := range ids {
		var err error
		if nodes[i], err = primitives.NodeIDFrom(id); err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
	}
	return nodes, nil
}

func checkSize(b []byte) error {
	if len(b) > maxAppBytes {
		return status.Errorf(codes.InvalidArgument, "an app message of %d bytes; at most %d are allowed", len(b),
			maxAppBytes)
	}
	return nil
}

// SendAppRequest registers the outcome first and sends then.
func (s *services) SendAppRequest(ctx context.Context,
	r *pluginv1.SendAppRequestRequest) (*pluginv1.SendAppRequestResponse, error) {
	nodes, err := nodesFrom(r.GetNodeIds())
	if err := errors.Join(err, checkSize(r.GetRequest())); err != nil {
		return nil, err
	}
	number, now, wait := s.number(), s.now(), time.Duration(0)
	if r.GetDeadline().IsValid() {
		wait = min(max(r.GetDeadline().AsTime().Sub(now), time.Millisecond), mostAppWait)
	}
	if wait, err = s.outcomes.ask(nodes, r.GetRequestId(), number, now, wait); err != nil {
		return &pluginv1.SendAppRequestResponse{Error: vmsdk.ErrorToProto(err)}, nil
	}
	s.ask(ctx, &enginev1.SendAppRequest{
		NodeIds: r.GetNodeIds(), RequestId: number, Request: r.GetRequest(), DeadlineMs: uint32(wait.Milliseconds()),
	})
	return &pluginv1.SendAppRequestResponse{}, nil
}

var errNotOpen = errors.New("no such request is open")

// SendAppResponse answers a peer.
func (s *services) SendAppResponse(ctx context.Context,
	r *pluginv1.SendAppResponseRequest) (*pluginv1.SendAppResponseResponse, error) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	if err := errors.Join(err, checkSize(r.GetResponse())); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if !s.outcomes.settle(node, r.GetRequestId(), s.now()) {
		return &pluginv1.SendAppResponseResponse{Error: vmsdk.ErrorToProto(errNotOpen)}, nil
	}
	s.send(ctx, &enginev1.SendAppResponse{NodeId: r.GetNodeId(), RequestId: r.GetRequestId(),
		Response: r.GetResponse()})
	return &pluginv1.SendAppResponseResponse{}, nil
}

// SendAppError answers a peer with an error.
func (s *services) SendAppError(ctx context.Context, r *pluginv1.SendAppErrorRequest) (*pluginv1.SendAppErrorResponse,
	error) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if !s.outcomes.settle(node, r.GetRequestId(), s.now()) {
		return &pluginv1.SendAppErrorResponse{Error: vmsdk.ErrorToProto(errNotOpen)}, nil
	}
	s.send(ctx, &enginev1.SendAppError{NodeId: r.GetNodeId(), RequestId: r.GetRequestId(),
		Code: r.GetError().GetCode(), Message: r.GetError().GetMessage()})
	return &pluginv1.SendAppErrorResponse{}, nil
}

// SendAppGossip sends to many.
func (s *services) SendAppGossip(ctx context.Context,
	r *pluginv1.SendAppGossipRequest) (*pluginv1.SendAppGossipResponse, error) {
	_, err := nodesFrom(r.GetNodeIds())
	if err := errors.Join(err, checkSize(r.GetGossip())); err != nil {
		return nil, err
	}
	if !s.gossip.AllowN(s.now(), len(r.GetGossip())+gossipRoom) {
		return &pluginv1.SendAppGossipResponse{Error: busy()}, nil
	}
	s.send(ctx, &enginev1.SendAppGossip{Gossip: r.GetGossip(), Config: &enginev1.SendConfig{
		NodeIds: r.GetNodeIds(), Validators: r.GetValidators(), NonValidators: r.GetNonValidators(),
		Peers: r.GetPeers(),
	}})
	return &pluginv1.SendAppGossipResponse{}, nil
}

// Notify brings an event of the VM.
func (s *services) Notify(ctx context.Context, r *pluginv1.NotifyRequest) (*pluginv1.NotifyResponse, error) {
	s.notify(ctx, r.GetEvent())
	return &pluginv1.NotifyResponse{}, nil
}

// GetAcceptedBlock reads the record.
func (s *services) GetAcceptedBlock(ctx context.Context,
	r *pluginv1.GetAcceptedBlockRequest) (*pluginv1.GetAcceptedBlockResponse, error) {
	var e *chainstore.Entry
	var err error
	switch which := r.GetWhich().(type) {
	case *pluginv1.GetAcceptedBlockRequest_Height:
		e, err = s.store.AtHeight(ctx, which.Height)
	default:
		id, bad := primitives.HashFrom(r.GetBlockId())
		if bad != nil {
			return nil, status.Error(codes.InvalidArgument, bad.Error())
		}
		e, err = s.store.ByVMBlock(ctx, id)
	}
	if err != nil {
		return &pluginv1.GetAcceptedBlockResponse{Error: vmsdk.ErrorToProto(err)}, nil
	}
	return &pluginv1.GetAcceptedBlockResponse{Block: &pluginv1.Block{Id: e.VMBlock[:], Height: e.Height,
		Content: e.Content}}, nil
}

// VerifyEd25519 is the feature extension "ed25519": a batch by the ZIP-215 rules.
func (s *services) VerifyEd25519(_ context.Context, r *pluginv1.VerifyEd25519Request) (*pluginv1.VerifyEd25519Response,
	error) {
	if len(r.GetSignatures()) > maxVerify {
		return nil, status.Errorf(codes.InvalidArgument, "%d signatures; at most %d are allowed",
			len(r.GetSignatures()), maxVerify)
	}
	if len(r.GetSignatures()) == 0 {
		return &pluginv1.VerifyEd25519Response{}, nil
	}
	options := &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215}
	batch := ed25519.NewBatchVerifierWithCapacity(len(r.GetSignatures()))
	for _, m := range r.GetSignatures() {
		batch.AddWithOptions(m.GetPublicKey(), m.GetMessage(), m.GetSignature(), options)
	}
	_, valid := batch.Verify(nil)
	return &pluginv1.VerifyEd25519Response{Valid: valid}, nil
}

// extensions are the feature extensions that this host offers.
func extensions() []*pluginv1.FeatureExtension {
	return []*pluginv1.FeatureExtension{{Id: "ed25519", Version: 1}}
}
