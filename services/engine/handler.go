package engine

import (
	"cmp"
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// costUndecodable is what bytes that are no message cost the peer; it is dropped at 1000.
const costUndecodable = 100

// Signal matters only at the end. The rest of the timeline is this subsystem's own news.
func (e *engine) Signal(sig *overseerv1.Signal) {
	switch k := sig.GetKind().(type) {
	case *overseerv1.Signal_StartWork:
		if leaf, err := primitives.HashFrom(k.StartWork.GetHash()); err == nil {
			e.inherents.follow(leaf)
		}
	case *overseerv1.Signal_Conclude:
		e.stop()
	}
}

// Presence registers again with a network bridge that was restarted: it may have lost what it knew.
func (e *engine) Presence(p subsystem.Presence) {
	if p.Subsystem == "network-bridge" && p.Present {
		e.register()
	}
}

// Handle takes one message.
func (e *engine) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *enginev1.NetworkBridgeUpdate:
		e.onNetworkBridgeUpdate(body.GetEvent())
	case *enginev1.Notify:
		e.onNotify(body.GetEvent())
	case *enginev1.SendAppRequest:
		e.apps.request(body)
	case *enginev1.SendAppResponse:
		e.apps.response(body)
	case *enginev1.SendAppError:
		e.apps.err(body)
	case *enginev1.SendAppGossip:
		e.apps.gossip(body)
	case *enginev1.InvalidAppGossip:
		e.apps.invalid(body)
	case *enginev1.Connected:
		e.onConnected(body.GetNodeId())
	case *enginev1.Disconnected:
		e.onDisconnected(body.GetNodeId())
	case *enginev1.Gossip:
		e.driver.step(snowman.CheckFrontier{})
	case *enginev1.QueryHeight:
		e.explain(m, body)
	case *enginev1.Shutdown:
		e.stop()
	default:
		if !e.handleNamed(m.Body) {
			m.Unknown()
		}
	}
}

// onNetworkBridgeUpdate takes news of the network. All protocols have the same peers, so only consensus tells who is
// there.
func (e *engine) onNetworkBridgeUpdate(ev *nbv1.NetworkBridgeEvent) {
	for _, m := range ev.Messages() {
		if n, ok := e.peers.named(m.GetPeer()); ok {
			e.onPeerMessage(n, ev.GetProtocol(), m.GetPayload())
		}
	}
	if ev.GetProtocol() != ProtocolConsensus {
		return
	}
	switch k := ev.GetKind().(type) {
	case *nbv1.NetworkBridgeEvent_PeerConnected:
		e.onConnected(k.PeerConnected.GetPeer())
	case *nbv1.NetworkBridgeEvent_PeerDisconnected:
		e.onDisconnected(k.PeerDisconnected.GetPeer())
	case *nbv1.NetworkBridgeEvent_PeersReset:
		for _, n := range e.peers.list() {
			e.lost(n)
		}
	}
}

func (e *engine) onConnected(raw []byte) {
	if n, ok := e.peers.named(raw); ok && e.peers.add(n) {
		e.sub.Send(&pluginv1.ConnectedRequest{NodeId: n[:]})
		e.driver.step(snowman.PeerConnected{Node: n})
	}
}

func (e *engine) onDisconnected(raw []byte) {
	if n, ok := e.peers.named(raw); ok {
		e.lost(n)
	}
}

func (e *engine) lost(n primitives.NodeID) {
	if e.peers.remove(n) {
		delete(e.apps.muted, n)
		e.gets.questions.forget(n)
		e.driver.step(snowman.PeerDisconnected{Node: n})
		e.sub.Send(&pluginv1.DisconnectedRequest{NodeId: n[:]})
	}
}

// onNotify takes an event of the VM.
func (e *engine) onNotify(ev enginev1.Event) {
	if ev == enginev1.Event_EVENT_PENDING_TXS {
		e.sub.Log.Debug("the VM has transactions")
		e.builder.wanted = cmp.Or(e.sub.Traceparent(), e.builder.wanted)
		e.driver.step(snowman.PendingTxs{})
		return
	}
	e.drops.add("an event of the VM that only state sync waits for")
}

// onPeerMessage opens what a peer sent. On another lane than its own it would have the budget and the priority of
// something else.
func (e *engine) onPeerMessage(from primitives.NodeID, protocol string, payload []byte) {
	switch w, err := open(e.cfg.Chain.ID, payload); {
	case errors.Is(err, errOtherChain):
		e.drops.add(err.Error())
	case err != nil:
		e.send.report(from, costUndecodable, "an undecodable message: "+err.Error())
	case protocol != travelsOn(w):
		e.send.report(from, costUndecodable, "a message on another lane than its own")
	default:
		if e.send.tamper != nil {
			e.send.tamper.Hears(from, w)
		}
		e.handlePeer(from, w)
	}
}

// handleNamed takes what reaches peers' messages on the bus under a name of its own: a recorded message with its sender
// in it, and the failure of a request of ours. False: it is none of these.
func (e *engine) handleNamed(m proto.Message) bool {
	w, answer := wrap(m), missing(m)
	if w == nil && answer == 0 {
		return false
	}
	n, ok := e.peers.named(m.(interface{ GetNodeId() []byte }).GetNodeId())
	if !ok {
		return true
	}
	switch f := m.(type) {
	case *enginev1.AppRequestFailed:
		e.apps.onRequestFailed(n, f)
	case failure:
		e.consensus.failed(n, f.GetRequestId(), answer, requests.Reason(f.GetReason()))
	default:
		e.handlePeer(n, w)
	}
	return true
}

// handlePeer is the switch over everything that peers' engines say. The sender is the authenticated one, whatever the
// message claims.
func (e *engine) handlePeer(n primitives.NodeID, w *enginev1.PeerMessage) {
	switch k := w.GetKind().(type) {
	case *enginev1.PeerMessage_Chits:
		e.consensus.chits(n, k.Chits)
	case *enginev1.PeerMessage_PushQuery:
		e.consensus.pushQuery(n, k.PushQuery)
	case *enginev1.PeerMessage_PullQuery:
		e.consensus.pullQuery(n, k.PullQuery)
	case *enginev1.PeerMessage_Put:
		e.consensus.put(n, k.Put)
	case *enginev1.PeerMessage_Ancestors_:
		e.consensus.ancestors(n, k.Ancestors_)
	case *enginev1.PeerMessage_AcceptedFrontier_:
		e.consensus.acceptedFrontier(n, k.AcceptedFrontier_)
	case *enginev1.PeerMessage_Accepted_:
		e.consensus.accepted(n, k.Accepted_)
	case *enginev1.PeerMessage_Get:
		e.gets.get(n, k.Get)
	case *enginev1.PeerMessage_GetAncestors:
		e.gets.ancestors(n, k.GetAncestors)
	case *enginev1.PeerMessage_GetAcceptedFrontier:
		e.gets.acceptedFrontier(n, k.GetAcceptedFrontier)
	case *enginev1.PeerMessage_GetAccepted:
		e.gets.accepted(n, k.GetAccepted)
	case *enginev1.PeerMessage_GetStateSummaryFrontier:
		e.gets.stateSummaryFrontier(n, k.GetStateSummaryFrontier)
	case *enginev1.PeerMessage_GetAcceptedStateSummary:
		e.gets.acceptedStateSummary(n, k.GetAcceptedStateSummary)
	case *enginev1.PeerMessage_StateSummaryFrontier_, *enginev1.PeerMessage_AcceptedStateSummary_:
		e.drops.add("an answer that only state sync asks for")
	case *enginev1.PeerMessage_AppRequest:
		e.apps.onRequest(n, k.AppRequest)
	case *enginev1.PeerMessage_AppResponse:
		e.apps.onResponse(n, k.AppResponse)
	case *enginev1.PeerMessage_AppError:
		e.apps.onErr(n, k.AppError)
	case *enginev1.PeerMessage_AppGossip:
		e.apps.onGossip(n, k.AppGossip)
	case *enginev1.PeerMessage_Votes:
		e.consensus.votes(n, k.Votes)
	case *enginev1.PeerMessage_GetVotes_:
		e.consensus.getVotes(n, k.GetVotes_)
	case *enginev1.PeerMessage_Proof:
		e.driver.step(snowman.Proof{Node: n, Proof: k.Proof.GetProof()})
	case *enginev1.PeerMessage_Certified:
		e.driver.step(snowman.Certified{
			Node: n, Container: k.Certified.GetContainer(), Certificate: k.Certified.GetCertificate(),
		})
	case *enginev1.PeerMessage_Evidence:
		e.witness.onEvidence(n, k.Evidence.GetEvidence())
	case *enginev1.PeerMessage_Unanswered:
		e.onUnanswered(n, k.Unanswered)
	}
}

// onUnanswered is the peer's word that a request of ours gets no answer.
func (e *engine) onUnanswered(n primitives.NodeID, m *enginev1.Unanswered) {
	if answer := requests.Answer(m.GetAnswer()); answer != requests.AppResponse {
		e.consensus.failed(n, m.GetRequestId(), answer, requests.Remote)
		return
	}
	e.apps.onUnanswered(n, m)
}
