package vmsdk

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/core/primitives"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// ready refuses what comes before Initialize, and names the peer. It takes no lock: these calls run beside block calls.
func (s *Server) ready(node []byte) (NodeID, error) {
	if !s.up.Load() {
		return NodeID{}, status.Error(codes.FailedPrecondition, "the VM isn't initialized")
	}
	id, err := primitives.NodeIDFrom(node)
	if err != nil {
		return id, status.Error(codes.InvalidArgument, err.Error())
	}
	return id, nil
}

// note logs what a VM says of a peer's message; nothing else follows from it.
func (s *Server) note(what string, node NodeID, err error) {
	if err != nil {
		s.env.Log.Debug(what+" failed", "peer", node, "error", err)
	}
}

// Connected tells the VM of a peer.
func (s *Server) Connected(ctx context.Context, r *pluginv1.ConnectedRequest) (*pluginv1.ConnectedResponse, error) {
	node, err := s.ready(r.GetNodeId())
	if err != nil {
		return nil, err
	}
	s.note("Connected", node, s.vm.Connected(ctx, node, r.GetVersion()))
	return &pluginv1.ConnectedResponse{}, nil
}

// Disconnected tells the VM that a peer is gone.
func (s *Server) Disconnected(ctx context.Context, r *pluginv1.DisconnectedRequest) (*pluginv1.DisconnectedResponse, error) {
	node, err := s.ready(r.GetNodeId())
	if err != nil {
		return nil, err
	}
	s.note("Disconnected", node, s.vm.Disconnected(ctx, node))
	return &pluginv1.DisconnectedResponse{}, nil
}

// AppRequest gives the VM a peer's request. A VM that serves none has the SDK say so to the peer, which then needn't wait.
func (s *Server) AppRequest(ctx context.Context, r *pluginv1.AppRequestRequest) (*pluginv1.AppRequestResponse, error) {
	node, err := s.ready(r.GetNodeId())
	if err != nil {
		return nil, err
	}
	err = s.vm.AppRequest(ctx, node, r.GetRequestId(), r.GetDeadline().AsTime(), r.GetRequest())
	var unimplemented *UnimplementedError
	if errors.As(err, &unimplemented) {
		err = s.host.SendAppError(ctx, node, r.GetRequestId(), ErrUndefined)
	}
	s.note("AppRequest", node, err)
	return &pluginv1.AppRequestResponse{}, nil
}

// AppResponse gives the VM an answer.
func (s *Server) AppResponse(ctx context.Context, r *pluginv1.AppResponseRequest) (*pluginv1.AppResponseResponse, error) {
	node, err := s.ready(r.GetNodeId())
	if err != nil {
		return nil, err
	}
	s.note("AppResponse", node, s.vm.AppResponse(ctx, node, r.GetRequestId(), r.GetResponse()))
	return &pluginv1.AppResponseResponse{}, nil
}

// AppRequestFailed tells the VM that no answer comes.
func (s *Server) AppRequestFailed(ctx context.Context, r *pluginv1.AppRequestFailedRequest) (*pluginv1.AppRequestFailedResponse, error) {
	node, err := s.ready(r.GetNodeId())
	if err != nil {
		return nil, err
	}
	appErr := &AppError{Code: r.GetError().GetCode(), Message: r.GetError().GetMessage()}
	s.note("AppRequestFailed", node, s.vm.AppRequestFailed(ctx, node, r.GetRequestId(), appErr))
	return &pluginv1.AppRequestFailedResponse{}, nil
}

// AppGossip gives the VM what a peer says.
func (s *Server) AppGossip(ctx context.Context, r *pluginv1.AppGossipRequest) (*pluginv1.AppGossipResponse, error) {
	node, err := s.ready(r.GetNodeId())
	if err != nil {
		return nil, err
	}
	s.note("AppGossip", node, s.vm.AppGossip(ctx, node, r.GetGossip()))
	return &pluginv1.AppGossipResponse{}, nil
}
