package vmsdk

import (
	"context"
	"fmt"
	"time"
)

// AppError is an error between two VMs. Codes are compared; messages are for people. VMs use positive codes of their
// own.
type AppError struct {
	Code    int32
	Message string
}

// Error is code and message.
func (e *AppError) Error() string { return fmt.Sprintf("app error %d: %s", e.Code, e.Message) }

// Is compares codes, so that errors.Is(err, ErrTimeout) works for an error from the network.
func (e *AppError) Is(target error) bool {
	t, ok := target.(*AppError)
	return ok && t.Code == e.Code
}

// Reasons for AppRequestFailed that aren't a VM's own.
var (
	ErrUndefined    = &AppError{Code: 0, Message: "undefined"}
	ErrTimeout      = &AppError{Code: -1, Message: "timed out"}
	ErrUnsent       = &AppError{Code: -2, Message: "not sent"}
	ErrDisconnected = &AppError{Code: -3, Message: "peer disconnected"}
	ErrBenched      = &AppError{Code: -4, Message: "peer benched"}
	ErrUndecodable  = &AppError{Code: -5, Message: "answer could not be decoded"}
	ErrCancelled    = &AppError{Code: -6, Message: "chain stopped"}
)

// AppHandler takes the messages of other nodes' VMs. The bytes may be anything; an error is logged and has no other
// effect, but for an InvalidGossipError, which the sender pays for.
type AppHandler interface {
	// AppRequest owes the node SendAppResponse or SendAppError with the same number before deadline.
	AppRequest(ctx context.Context, node NodeID, requestID uint32, deadline time.Time, request []byte) error
	// AppResponse is the answer to our SendAppRequest.
	AppResponse(ctx context.Context, node NodeID, requestID uint32, response []byte) error
	// AppRequestFailed says that no answer to our SendAppRequest comes.
	AppRequestFailed(ctx context.Context, node NodeID, requestID uint32, appErr *AppError) error
	// AppGossip is something a node says to many.
	AppGossip(ctx context.Context, node NodeID, gossip []byte) error
}

// SendConfig says who gets a gossip message: the named nodes, and disjoint samples of so many more. As many or more
// than are connected means all of that kind.
type SendConfig struct {
	NodeIDs                          []NodeID
	Validators, NonValidators, Peers int
}

// AppSender sends to the VMs of other nodes.
type AppSender interface {
	// SendAppRequest asks each node. nil: exactly one AppResponse or AppRequestFailed per node will come. An error: at
	// most one will. A number may be used again when it isn't open at that node.
	SendAppRequest(ctx context.Context, nodes []NodeID, requestID uint32, request []byte) error
	// SendAppResponse answers an AppRequest.
	SendAppResponse(ctx context.Context, node NodeID, requestID uint32, response []byte) error
	// SendAppError answers it with an error.
	SendAppError(ctx context.Context, node NodeID, requestID uint32, appErr *AppError) error
	// SendAppGossip says something to many. It may be lost.
	SendAppGossip(ctx context.Context, to SendConfig, gossip []byte) error
}
