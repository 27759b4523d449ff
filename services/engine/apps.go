package engine

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// apps carries what two VMs have to say to one another and remembers nothing of it: vmhost sees to it that every
// request ends exactly once, and outlives an engine that is restarted.
type apps struct {
	sub     *subsystem.Sub
	peers   *peers
	send    *sender
	stopped bool
}

const (
	mostAppWait = 30 * time.Second // whatever a peer asks for
	mostMessage = 256              // bytes of an error's message
)

// request sends a request of our VM to each node. It fails at once for those that aren't connected.
func (a *apps) request(m *enginev1.SendAppRequest) {
	var to []primitives.NodeID
	for _, raw := range m.GetNodeIds() {
		n, ok := a.peers.named(raw)
		switch {
		case !ok:
		case !a.peers.has(n) || a.stopped:
			a.fail(n, m.GetRequestId(), requests.AppErrorFor(requests.Unsent))
		default:
			to = append(to, n)
		}
	}
	if len(to) > 0 {
		q := &enginev1.AppRequest{RequestId: m.GetRequestId(), DeadlineMs: m.GetDeadlineMs(), Request: m.GetRequest()}
		a.send.toAll(to, q)
	}
}

// response, err and gossip send what our VM answers or says.

func (a *apps) response(m *enginev1.SendAppResponse) {
	if n, ok := a.peers.named(m.GetNodeId()); ok {
		a.send.to(n, &enginev1.AppResponse{RequestId: m.GetRequestId(), Response: m.GetResponse()})
	}
}

func (a *apps) err(m *enginev1.SendAppError) {
	if n, ok := a.peers.named(m.GetNodeId()); ok {
		e := &enginev1.AppError{RequestId: m.GetRequestId(), Code: m.GetCode(), Message: clip(m.GetMessage())}
		a.send.to(n, e)
	}
}

func (a *apps) gossip(m *enginev1.SendAppGossip) {
	if to := a.peers.choose(m.GetConfig(), a.sub.Rand()); len(to) > 0 {
		a.send.toAll(to, &enginev1.AppGossip{Gossip: m.GetGossip()})
	}
}

// onRequest passes a request of a peer's VM to ours.
func (a *apps) onRequest(n primitives.NodeID, m *enginev1.AppRequest) {
	if a.stopped {
		a.send.refuse(n, m.GetRequestId(), requests.AppResponse, "the chain has stopped")
		return
	}
	until := a.sub.Now().Add(min(time.Duration(m.GetDeadlineMs())*time.Millisecond, mostAppWait))
	a.sub.Send(&pluginv1.AppRequestRequest{
		NodeId: n[:], RequestId: m.GetRequestId(), Deadline: timestamppb.New(until), Request: m.GetRequest(),
	})
}

func (a *apps) onResponse(n primitives.NodeID, m *enginev1.AppResponse) {
	a.sub.Send(&pluginv1.AppResponseRequest{NodeId: n[:], RequestId: m.GetRequestId(), Response: m.GetResponse()})
}

// onErr is the peer's VM failing a request. A code that means something else to everybody is no VM's.
func (a *apps) onErr(n primitives.NodeID, m *enginev1.AppError) {
	code := max(m.GetCode(), requests.ErrUndefined.Code)
	a.fail(n, m.GetRequestId(), &requests.AppError{Code: code, Message: m.GetMessage()})
}

func (a *apps) onRequestFailed(n primitives.NodeID, m *enginev1.AppRequestFailed) {
	reason := requests.Reason(m.GetReason())
	why := requests.AppErrorFor(reason)
	if reason == requests.Remote {
		why = &requests.AppError{Code: m.GetCode(), Message: m.GetMessage()}
	}
	a.fail(n, m.GetRequestId(), why)
}

func (a *apps) onUnanswered(n primitives.NodeID, m *enginev1.Unanswered) {
	a.fail(n, m.GetRequestId(), &requests.AppError{Code: requests.ErrUndefined.Code, Message: m.GetReason()})
}

func (a *apps) onGossip(n primitives.NodeID, m *enginev1.AppGossip) {
	a.sub.Send(&pluginv1.AppGossipRequest{NodeId: n[:], Gossip: m.GetGossip()})
}

// fail ends a request of our VM without an answer.
func (a *apps) fail(n primitives.NodeID, id uint32, why *requests.AppError) {
	a.sub.Send(&pluginv1.AppRequestFailedRequest{
		NodeId: n[:], RequestId: id, Error: &pluginv1.AppError{Code: why.Code, Message: clip(why.Message)},
	})
}

func clip(s string) string { return s[:min(len(s), mostMessage)] }
