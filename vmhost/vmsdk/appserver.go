package vmsdk

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/core/primitives"
	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// fromPeer passes something of a peer's to the VM. What the VM says of it is logged, and nothing else follows from it.
// It takes no lock: these calls run beside block calls.
func (s *Server) fromPeer(what string, peer []byte, pass func(NodeID) error) error {
	if !s.up.Load() {
		return status.Error(codes.FailedPrecondition, "the VM isn't initialized")
	}
	node, err := primitives.NodeIDFrom(peer)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if err := pass(node); err != nil {
		s.env.Log.Debug(what+" failed", "peer", node, "err", err)
	}
	return nil
}

// Connected passes on that a peer is connected.
func (s *Server) Connected(ctx context.Context, r *pb.ConnectedRequest) (*pb.ConnectedResponse, error) {
	return &pb.ConnectedResponse{}, s.fromPeer("Connected", r.GetNodeId(), func(node NodeID) error {
		return s.vm.Connected(ctx, node, r.GetVersion())
	})
}

// Disconnected passes on that a peer is gone.
func (s *Server) Disconnected(
	ctx context.Context, r *pb.DisconnectedRequest,
) (*pb.DisconnectedResponse, error) {
	return &pb.DisconnectedResponse{}, s.fromPeer("Disconnected", r.GetNodeId(), func(node NodeID) error {
		return s.vm.Disconnected(ctx, node)
	})
}

// AppRequest passes a peer's request on. When the VM serves none, the SDK answers so, and the peer needn't wait.
func (s *Server) AppRequest(ctx context.Context, r *pb.AppRequestRequest) (*pb.AppRequestResponse, error) {
	return &pb.AppRequestResponse{}, s.fromPeer("AppRequest", r.GetNodeId(), func(node NodeID) error {
		err := s.vm.AppRequest(ctx, node, r.GetRequestId(), r.GetDeadline().AsTime(), r.GetRequest())
		if unimplemented := (*UnimplementedError)(nil); errors.As(err, &unimplemented) {
			err = s.host.SendAppError(ctx, node, r.GetRequestId(), ErrUndefined)
		}
		return err
	})
}

// AppResponse passes an answer on.
func (s *Server) AppResponse(ctx context.Context, r *pb.AppResponseRequest) (*pb.AppResponseResponse, error) {
	return &pb.AppResponseResponse{}, s.fromPeer("AppResponse", r.GetNodeId(), func(node NodeID) error {
		return s.vm.AppResponse(ctx, node, r.GetRequestId(), r.GetResponse())
	})
}

// AppRequestFailed passes on that no answer comes.
func (s *Server) AppRequestFailed(
	ctx context.Context, r *pb.AppRequestFailedRequest,
) (*pb.AppRequestFailedResponse, error) {
	return &pb.AppRequestFailedResponse{}, s.fromPeer("AppRequestFailed", r.GetNodeId(), func(node NodeID) error {
		appErr := &AppError{Code: r.GetError().GetCode(), Message: r.GetError().GetMessage()}
		return s.vm.AppRequestFailed(ctx, node, r.GetRequestId(), appErr)
	})
}

// AppGossip passes a peer's gossip on, and the VM's verdict back if it finds that no honest node sends this.
func (s *Server) AppGossip(ctx context.Context, r *pb.AppGossipRequest) (*pb.AppGossipResponse, error) {
	answer := &pb.AppGossipResponse{}
	return answer, s.fromPeer("AppGossip", r.GetNodeId(), func(node NodeID) error {
		err := s.vm.AppGossip(ctx, node, r.GetGossip())
		if invalid := (*InvalidGossipError)(nil); errors.As(err, &invalid) {
			answer.Invalid = cmp.Or(strings.ToValidUTF8(invalid.Reason, "?"), "invalid gossip")
		}
		return err
	})
}
