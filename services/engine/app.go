package engine

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// The engine carries what two VMs have to say to one another and remembers nothing of it: vmhost sees to it that every request ends
// exactly once, and outlives an engine that is restarted.

const (
	mostAppWait = 30 * time.Second // whatever a peer asks for
	mostMessage = 256              // bytes of an error's message
)

// onSendAppRequest sends a request of our VM to each node. It fails at once for those that aren't connected.
func (e *engine) onSendAppRequest(m *enginev1.SendAppRequest) {
	var to []primitives.NodeID
	for _, raw := range m.GetNodeIds() {
		e.fromPeer(raw, func(n primitives.NodeID) {
			if _, connected := e.peers[n]; !connected || e.stopped {
				e.failApp(n, m.GetRequestId(), requests.AppErrorFor(requests.Unsent))
				return
			}
			to = append(to, n)
		})
	}
	if len(to) > 0 {
		e.send(to, &enginev1.AppRequest{RequestId: m.GetRequestId(), DeadlineMs: m.GetDeadlineMs(), Request: m.GetRequest()})
	}
}

// failApp tells our VM that a request of its own gets no answer.
func (e *engine) failApp(n primitives.NodeID, id uint32, why *requests.AppError) {
	e.sub.Send(&pluginv1.AppRequestFailedRequest{
		NodeId: n[:], RequestId: id, Error: &pluginv1.AppError{Code: why.Code, Message: clip(why.Message)},
	})
}

func (e *engine) onAppResponse(n primitives.NodeID, m *enginev1.AppResponse) {
	e.sub.Send(&pluginv1.AppResponseRequest{NodeId: n[:], RequestId: m.GetRequestId(), Response: m.GetResponse()})
}

// onAppError is the peer's VM failing a request. A code that means something else to everybody is no VM's.
func (e *engine) onAppError(n primitives.NodeID, m *enginev1.AppError) {
	e.failApp(n, m.GetRequestId(), &requests.AppError{Code: max(m.GetCode(), requests.ErrUndefined.Code), Message: m.GetMessage()})
}

func (e *engine) onAppRequestFailed(n primitives.NodeID, m *enginev1.AppRequestFailed) {
	reason := requests.Reason(m.GetReason())
	why := requests.AppErrorFor(reason)
	if reason == requests.Remote {
		why = &requests.AppError{Code: m.GetCode(), Message: m.GetMessage()}
	}
	e.failApp(n, m.GetRequestId(), why)
}

// onAppRequest passes a request of a peer's VM to ours.
func (e *engine) onAppRequest(n primitives.NodeID, m *enginev1.AppRequest) {
	if e.stopped {
		e.refuse(n, m.GetRequestId(), requests.AppResponse, "the chain has stopped")
		return
	}
	until := e.sub.Now().Add(min(time.Duration(m.GetDeadlineMs())*time.Millisecond, mostAppWait))
	e.sub.Send(&pluginv1.AppRequestRequest{
		NodeId: n[:], RequestId: m.GetRequestId(), Deadline: timestamppb.New(until), Request: m.GetRequest(),
	})
}

func (e *engine) onSendAppResponse(m *enginev1.SendAppResponse) {
	e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) {
		e.sendTo(n, &enginev1.AppResponse{RequestId: m.GetRequestId(), Response: m.GetResponse()})
	})
}

func (e *engine) onSendAppError(m *enginev1.SendAppError) {
	e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) {
		e.sendTo(n, &enginev1.AppError{RequestId: m.GetRequestId(), Code: m.GetCode(), Message: clip(m.GetMessage())})
	})
}

func (e *engine) onAppGossip(n primitives.NodeID, m *enginev1.AppGossip) {
	e.sub.Send(&pluginv1.AppGossipRequest{NodeId: n[:], Gossip: m.GetGossip()})
}

func (e *engine) onSendAppGossip(m *enginev1.SendAppGossip) {
	if to := e.choose(m.GetConfig()); len(to) > 0 {
		e.send(to, &enginev1.AppGossip{Gossip: m.GetGossip()})
	}
}

func clip(s string) string { return s[:min(len(s), mostMessage)] }
