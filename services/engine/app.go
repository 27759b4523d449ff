package engine

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

const (
	maxAppRequests = 4096             // of our VM, outstanding
	maxOwed        = 4096             // of peers' VMs, unanswered
	mostAppWait    = 30 * time.Second // whatever a peer asks for
	mostMessage    = 256              // bytes of an error's message
)

// owed is a request of a peer's VM that ours hasn't answered.
type owed struct{ until time.Time }

// onSendAppRequest sends a request of our VM to each node, and from then on owes the VM exactly one outcome for each.
func (e *engine) onSendAppRequest(m *enginev1.SendAppRequest) {
	for _, raw := range m.GetNodeIds() {
		e.fromPeer(raw, func(n primitives.NodeID) {
			k := e.appKey(n, m.GetRequestId())
			deadline, err := e.apps.Add(k, e.sub.Now(), min(time.Duration(m.GetDeadlineMs())*time.Millisecond, mostAppWait))
			if err != nil {
				// Not appFailed: the request that is outstanding under this number keeps its own outcome.
				e.drop("an app request under a number in use")
				e.tellAppFailed(n, m.GetRequestId(), requests.AppErrorFor(requests.Unsent))
				return
			}
			if _, connected := e.peers[n]; !connected || e.stopped {
				e.apps.Fail(k)
				e.appFailed(k, requests.Unsent)
				return
			}
			wait := deadline.Sub(e.sub.Now())
			e.sendTo(n, &enginev1.AppRequest{RequestId: m.GetRequestId(), DeadlineMs: uint32(wait.Milliseconds()), Request: m.GetRequest()})
			e.armApps()
		})
	}
}

func (e *engine) appKey(n primitives.NodeID, id uint32) requests.Key {
	return requests.Key{Node: n, Chain: e.cfg.Chain.ID, ID: id, Answer: requests.AppResponse}
}

func (e *engine) armApps() {
	if e.appTimer != nil {
		e.appTimer()
		e.appTimer = nil
	}
	next, ok := e.apps.Next()
	if !ok {
		return
	}
	e.appTimer = e.sub.After(max(next.Sub(e.sub.Now()), time.Millisecond), func() {
		e.appTimer = nil
		for _, k := range e.apps.Expire(e.sub.Now()) {
			e.appFailed(k, requests.TimedOut)
		}
		e.armApps()
	})
}

// appFailed tells the VM of a request that ended without an answer. The table has let it go before.
func (e *engine) appFailed(k requests.Key, reason requests.Reason) {
	e.tellAppFailed(k.Node, k.ID, requests.AppErrorFor(reason))
}

func (e *engine) tellAppFailed(n primitives.NodeID, id uint32, why *requests.AppError) {
	e.sub.Send(&pluginv1.AppRequestFailedRequest{NodeId: n[:], RequestId: id, Error: &pluginv1.AppError{Code: why.Code, Message: why.Message}})
}

func (e *engine) onAppResponse(n primitives.NodeID, m *enginev1.AppResponse) {
	if e.apps.Answer(e.appKey(n, m.GetRequestId()), e.sub.Now()) {
		e.sub.Send(&pluginv1.AppResponseRequest{NodeId: n[:], RequestId: m.GetRequestId(), Response: m.GetResponse()})
		e.armApps()
	}
}

// onAppError is the peer's VM failing a request. A code that means something else to everybody is no VM's.
func (e *engine) onAppError(n primitives.NodeID, m *enginev1.AppError) {
	code := m.GetCode()
	if code < 0 {
		code = requests.ErrUndefined.Code
	}
	e.endApp(n, m.GetRequestId(), &requests.AppError{Code: code, Message: clip(m.GetMessage())})
}

func (e *engine) onAppRequestFailed(n primitives.NodeID, m *enginev1.AppRequestFailed) {
	reason := requests.Reason(m.GetReason())
	why := requests.AppErrorFor(reason)
	if reason == requests.Remote {
		why = &requests.AppError{Code: m.GetCode(), Message: clip(m.GetMessage())}
	}
	e.endApp(n, m.GetRequestId(), why)
}

// endApp ends a request of our VM with the error that it is told.
func (e *engine) endApp(n primitives.NodeID, id uint32, why *requests.AppError) {
	if e.apps.Fail(e.appKey(n, id)) {
		e.tellAppFailed(n, id, why)
		e.armApps()
	}
}

// onAppRequest hands a request of a peer's VM to ours.
func (e *engine) onAppRequest(n primitives.NodeID, m *enginev1.AppRequest) {
	key := requests.Request{NodeID: n, RequestID: m.GetRequestId()}
	now := e.sub.Now()
	until := now.Add(min(time.Duration(m.GetDeadlineMs())*time.Millisecond, mostAppWait))
	if o, twice := e.owed[key]; twice && now.Before(o.until) {
		e.drop("an app request under a number in use")
		return
	}
	if len(e.owed) >= maxOwed {
		e.expireOwed()
	}
	if len(e.owed) >= maxOwed || e.stopped {
		e.refuse(n, m.GetRequestId(), requests.AppResponse, "too many requests")
		return
	}
	e.owed[key] = owed{until: until}
	e.sub.Send(&pluginv1.AppRequestRequest{NodeId: n[:], RequestId: m.GetRequestId(), Deadline: timestamppb.New(until), Request: m.GetRequest()})
}

func (e *engine) expireOwed() {
	for k, o := range e.owed {
		if !e.sub.Now().Before(o.until) {
			delete(e.owed, k)
		}
	}
}

func (e *engine) forgetOwed(n primitives.NodeID) {
	for k := range e.owed {
		if k.NodeID == n {
			delete(e.owed, k)
		}
	}
}

// settle lets an owed answer go out. False: nobody waits for it.
func (e *engine) settle(n primitives.NodeID, id uint32) bool {
	key := requests.Request{NodeID: n, RequestID: id}
	o, open := e.owed[key]
	delete(e.owed, key)
	if !open || !e.sub.Now().Before(o.until) {
		e.drop("an app answer that nobody waits for")
		return false
	}
	return true
}

func (e *engine) onSendAppResponse(m *enginev1.SendAppResponse) {
	e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) {
		if e.settle(n, m.GetRequestId()) {
			e.sendTo(n, &enginev1.AppResponse{RequestId: m.GetRequestId(), Response: m.GetResponse()})
		}
	})
}

func (e *engine) onSendAppError(m *enginev1.SendAppError) {
	e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) {
		if e.settle(n, m.GetRequestId()) {
			e.sendTo(n, &enginev1.AppError{RequestId: m.GetRequestId(), Code: m.GetCode(), Message: clip(m.GetMessage())})
		}
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
