package vmsdk

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/bus/intercept"
	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// SendAppRequest asks each node.
func (h *host) SendAppRequest(ctx context.Context, nodes []NodeID, requestID uint32, request []byte) error {
	answer, err := h.sender.SendAppRequest(ctx, &pb.SendAppRequestRequest{
		NodeIds: nodesToProto(nodes), RequestId: requestID, Request: request})
	return sent(err, answer.GetError())
}

// SendAppResponse answers a request.
func (h *host) SendAppResponse(ctx context.Context, node NodeID, requestID uint32, response []byte) error {
	answer, err := h.sender.SendAppResponse(ctx, &pb.SendAppResponseRequest{
		NodeId: node[:], RequestId: requestID, Response: response})
	return sent(err, answer.GetError())
}

// SendAppError answers a request with an error.
func (h *host) SendAppError(ctx context.Context, node NodeID, requestID uint32, appErr *AppError) error {
	answer, err := h.sender.SendAppError(ctx, &pb.SendAppErrorRequest{
		NodeId: node[:], RequestId: requestID, Error: &pb.AppError{Code: appErr.Code, Message: appErr.Message}})
	return sent(err, answer.GetError())
}

// SendAppGossip says something to many.
func (h *host) SendAppGossip(ctx context.Context, to SendConfig, gossip []byte) error {
	answer, err := h.sender.SendAppGossip(ctx, &pb.SendAppGossipRequest{
		NodeIds: nodesToProto(to.NodeIDs), Validators: uint32(to.Validators), NonValidators: uint32(to.NonValidators),
		Peers: uint32(to.Peers), Gossip: gossip})
	return sent(err, answer.GetError())
}

func sent(err error, answer *pb.Error) error {
	if err != nil {
		return fmt.Errorf("app message not sent: %w", err)
	}
	return ErrorFromProto(answer)
}

func nodesToProto(nodes []NodeID) [][]byte {
	out := make([][]byte, len(nodes))
	for i := range nodes {
		out[i] = nodes[i][:]
	}
	return out
}

// notifier notifies the host of events, one call at a time, however many there are.
type notifier struct {
	engine pb.EngineServiceClient
	run    func(func())

	mu      sync.Mutex
	pending [3]bool   // by Event
	traces  [3]string // in which the events are told
	running bool
}

// notify never blocks.
func (n *notifier) notify(e Event) { n.notifyIn("", e) }

func (n *notifier) notifyIn(traceparent string, e Event) {
	if e != EventPendingTxs && e != EventStateSyncDone {
		return
	}
	n.mu.Lock()
	n.pending[e] = true
	if traceparent != "" {
		n.traces[e] = traceparent
	}
	start := !n.running
	n.running = true
	n.mu.Unlock()
	if start {
		n.run(n.deliver)
	}
}

// deliver sends what is pending. When the host can't be reached it is dead, and so will be this process.
func (n *notifier) deliver() {
	for e, traceparent := n.take(); e != 0; e, traceparent = n.take() {
		ctx := intercept.Continue(context.Background(), traceparent)
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, _ = n.engine.Notify(ctx, &pb.NotifyRequest{Event: pb.Event(e)})
		cancel()
	}
}

// take is a pending event, and the trace in which it is sent; 0: there is none.
func (n *notifier) take() (e Event, traceparent string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for e := range n.pending {
		if n.pending[e] {
			traceparent = n.traces[e]
			n.pending[e], n.traces[e] = false, ""
			return Event(e), traceparent
		}
	}
	n.running = false
	return 0, ""
}
