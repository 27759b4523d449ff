package engine

import (
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// apps carries what two VMs have to say to one another: vmhost sees to it that every request ends exactly once, and
// outlives an engine that is restarted. What peers' VMs say is passed on as far as the host has room for it, and waits
// nowhere; of their requests so many are open as owed allows.
type apps struct {
	sub     *subsystem.Sub
	peers   *peers
	send    *sender
	owed    owed
	drops   *drops
	served  *questions // what VMs answer is paid like what the record is asked for
	stopped bool

	muted    map[primitives.NodeID]time.Time // connected peers whose gossip was invalid, and until when it isn't heard
	invalids int64                           // how often our VM has found a peer's gossip invalid
}

const (
	mostAppWait = 30 * time.Second // whatever a peer asks for
	mostMessage = 256              // bytes of an error's message

	// costInvalidGossip is what gossip costs a peer that no honest node sends; it is dropped at 1000.
	costInvalidGossip = 100
	muteGossip        = time.Second // what an invalid gossip costs its sender's next ones
)

// request sends a request of our VM to each node. It fails at once for those that aren't connected.
func (a *apps) request(m *enginev1.SendAppRequest) {
	var to []primitives.NodeID
	for _, raw := range m.GetNodeIds() {
		n, ok := a.peers.named(raw)
		switch {
		case !ok:
		case !a.peers.has(n) || a.stopped:
			a.sub.Send(failedRequest(n, m.GetRequestId(), requests.AppErrorFor(requests.Unsent)))
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
		a.owed.paid(n, m.GetRequestId())
		a.served.charge(n, len(m.GetResponse()))
		a.send.answer(n, &enginev1.AppResponse{RequestId: m.GetRequestId(), Response: m.GetResponse()})
	}
}

func (a *apps) err(m *enginev1.SendAppError) {
	if n, ok := a.peers.named(m.GetNodeId()); ok {
		a.owed.paid(n, m.GetRequestId())
		e := &enginev1.AppError{RequestId: m.GetRequestId(), Code: m.GetCode(), Message: clip(m.GetMessage())}
		a.send.answer(n, e)
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
	if !a.served.serve(n, 0) {
		a.send.refuse(n, m.GetRequestId(), requests.AppResponse, "enough was served for now")
		return
	}
	now := a.sub.Now()
	until := now.Add(min(time.Duration(m.GetDeadlineMs())*time.Millisecond, mostAppWait))
	switch known, why := a.owed.add(n, m.GetRequestId(), now, until); {
	case known: // the peer's mistake; the request that is open under this number keeps its answer
		a.drops.add("an app request under a number that is open")
	case why != "":
		a.send.refuse(n, m.GetRequestId(), requests.AppResponse, why)
	case !a.pass(&pluginv1.AppRequestRequest{
		NodeId: n[:], RequestId: m.GetRequestId(), Deadline: timestamppb.New(until), Request: m.GetRequest(),
	}):
		a.owed.paid(n, m.GetRequestId())
		a.send.refuse(n, m.GetRequestId(), requests.AppResponse, "the VM's host is busy")
	}
}

// pass gives what a peer has sent to the VM's host. False: that has no room for it now.
func (a *apps) pass(m proto.Message) bool {
	if a.sub.TrySend(m) == nil {
		return true
	}
	a.drops.add("an app message for which the VM's host has no room")
	return false
}

// onResponse passes an answer of a peer's VM to ours. For one that is lost the host has a timeout.
func (a *apps) onResponse(n primitives.NodeID, m *enginev1.AppResponse) {
	a.pass(&pluginv1.AppResponseRequest{NodeId: n[:], RequestId: m.GetRequestId(), Response: m.GetResponse()})
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

// onGossip passes a peer's gossip to our VM. Of a peer whose gossip it has just found invalid it hears nothing for a
// moment, so that a validator, whom no report of one subsystem cuts off, can't keep it busy either.
func (a *apps) onGossip(n primitives.NodeID, m *enginev1.AppGossip) {
	if a.sub.Now().Before(a.muted[n]) {
		a.drops.add("gossip of a peer whose gossip was invalid a moment ago")
		return
	}
	a.pass(&pluginv1.AppGossipRequest{NodeId: n[:], Gossip: m.GetGossip()})
}

// invalid is our VM's verdict on what a peer has gossiped.
func (a *apps) invalid(m *enginev1.InvalidAppGossip) {
	n, ok := a.peers.named(m.GetNodeId())
	if !ok || !a.peers.has(n) {
		return
	}
	a.muted[n] = a.sub.Now().Add(muteGossip)
	if a.invalids++; a.invalids&(a.invalids-1) == 0 { // a flood is a few lines
		a.sub.Log.Warn("a peer's gossip is invalid", "peer", n.String(), "err", clip(m.GetReason()),
			"so_far", a.invalids)
	}
	a.send.report(n, costInvalidGossip, "invalid gossip")
}

// fail ends a request of our VM without an answer, as a peer says.
func (a *apps) fail(n primitives.NodeID, id uint32, why *requests.AppError) {
	a.pass(failedRequest(n, id, why))
}

func failedRequest(n primitives.NodeID, id uint32, why *requests.AppError) proto.Message {
	return &pluginv1.AppRequestFailedRequest{
		NodeId: n[:], RequestId: id, Error: &pluginv1.AppError{Code: why.Code, Message: clip(why.Message)},
	}
}

// clip leaves no half of a character at the end, which couldn't be encoded.
func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), mostMessage)], "") }
