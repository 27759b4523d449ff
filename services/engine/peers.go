package engine

import (
	"bytes"
	"errors"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// costUndecodable is what bytes that are no message cost the peer; it is dropped at 1000.
const costUndecodable = 100

// onNetworkBridgeUpdate takes news of the network. All protocols have the same peers, so only consensus tells who is there.
func (e *engine) onNetworkBridgeUpdate(ev *nbv1.NetworkBridgeEvent) {
	switch k := ev.GetKind().(type) {
	case *nbv1.NetworkBridgeEvent_PeerConnected:
		if ev.GetProtocol() == ProtocolConsensus {
			e.onConnected(k.PeerConnected.GetPeer())
		}
	case *nbv1.NetworkBridgeEvent_PeerDisconnected:
		if ev.GetProtocol() == ProtocolConsensus {
			e.onDisconnected(k.PeerDisconnected.GetPeer())
		}
	case *nbv1.NetworkBridgeEvent_PeersReset:
		if ev.GetProtocol() == ProtocolConsensus {
			for _, n := range e.connectedPeers() {
				e.lost(n)
			}
		}
	}
	for _, m := range ev.Messages() {
		if n, ok := e.nodeID(m.GetPeer()); ok {
			e.onPeerMessage(n, m.GetPayload())
		}
	}
}

// nodeID reads the name of a peer, once for each message.
func (e *engine) nodeID(raw []byte) (primitives.NodeID, bool) {
	n, err := primitives.NodeIDFrom(raw)
	if err != nil {
		e.drop("a peer without a name")
	}
	return n, err == nil
}

func (e *engine) fromPeer(raw []byte, then func(primitives.NodeID)) {
	if n, ok := e.nodeID(raw); ok {
		then(n)
	}
}

// drop counts what isn't served, and says so once in a while.
func (e *engine) drop(reason string) {
	if e.dropped[reason]++; e.dropped[reason]%1000 == 1 {
		e.sub.Log.Debug("dropped", "reason", reason, "times", e.dropped[reason])
	}
}

func (e *engine) onConnected(raw []byte) {
	n, ok := e.nodeID(raw)
	if _, twice := e.peers[n]; !ok || twice || n == e.cfg.NodeID {
		return
	}
	_, e.peers[n] = e.cfg.Validators.Index(n)
	e.sub.Send(&pluginv1.ConnectedRequest{NodeId: n[:]})
	e.step(snowman.PeerConnected{Node: n})
}

func (e *engine) onDisconnected(raw []byte) {
	n, ok := e.nodeID(raw)
	if _, known := e.peers[n]; ok && known {
		e.lost(n)
	}
}

func (e *engine) lost(n primitives.NodeID) {
	delete(e.peers, n)
	e.step(snowman.PeerDisconnected{Node: n})
	e.sub.Send(&pluginv1.DisconnectedRequest{NodeId: n[:]})
}

// connectedPeers lists them in the order of their ids.
func (e *engine) connectedPeers() []primitives.NodeID {
	nodes := make([]primitives.NodeID, 0, len(e.peers))
	for n := range e.peers {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b primitives.NodeID) int { return bytes.Compare(a[:], b[:]) })
	return nodes
}

// onPeerMessage opens what a peer sent.
func (e *engine) onPeerMessage(from primitives.NodeID, payload []byte) {
	switch w, err := open(e.cfg.Chain.ID, payload); {
	case errors.Is(err, errOtherChain):
		e.drop(err.Error())
	case err != nil:
		e.report(from, costUndecodable, "an undecodable message: "+err.Error())
	default:
		e.handlePeer(from, w)
	}
}

// handleNamed takes what reaches peers' messages on the bus under a name of its own: a recorded message with its sender in it, and the
// failure of a request of ours. False: it is none of these.
func (e *engine) handleNamed(m proto.Message) bool {
	w, answer := wrap(m), missing(m)
	if w == nil && answer == 0 {
		return false
	}
	n, ok := e.nodeID(m.(interface{ GetNodeId() []byte }).GetNodeId())
	switch {
	case !ok:
	case w != nil:
		e.handlePeer(n, w)
	default:
		e.onRequestFailed(n, m.(failure), answer)
	}
	return true
}

// handlePeer is the switch over everything that peers' engines say. The sender is the authenticated one, whatever the message claims.
func (e *engine) handlePeer(n primitives.NodeID, w *enginev1.PeerMessage) {
	switch k := w.GetKind().(type) {
	case *enginev1.PeerMessage_Chits:
		e.onChits(n, k.Chits)
	case *enginev1.PeerMessage_PushQuery:
		e.onPushQuery(n, k.PushQuery)
	case *enginev1.PeerMessage_PullQuery:
		e.onPullQuery(n, k.PullQuery)
	case *enginev1.PeerMessage_Get:
		e.onGet(n, k.Get)
	case *enginev1.PeerMessage_Put:
		e.step(snowman.Put{Node: n, RequestID: k.Put.GetRequestId(), Container: k.Put.GetContainer()})
	case *enginev1.PeerMessage_GetAncestors:
		e.onGetAncestors(n, k.GetAncestors)
	case *enginev1.PeerMessage_Ancestors_:
		e.step(snowman.Ancestors{Node: n, RequestID: k.Ancestors_.GetRequestId(), Containers: k.Ancestors_.GetContainers()})
	case *enginev1.PeerMessage_GetAcceptedFrontier:
		e.onGetAcceptedFrontier(n, k.GetAcceptedFrontier)
	case *enginev1.PeerMessage_AcceptedFrontier_:
		e.onAcceptedFrontier(n, k.AcceptedFrontier_)
	case *enginev1.PeerMessage_GetAccepted:
		e.onGetAccepted(n, k.GetAccepted)
	case *enginev1.PeerMessage_Accepted_:
		e.onAccepted(n, k.Accepted_)
	case *enginev1.PeerMessage_GetStateSummaryFrontier:
		e.onGetStateSummaryFrontier(n, k.GetStateSummaryFrontier)
	case *enginev1.PeerMessage_GetAcceptedStateSummary:
		e.onGetAcceptedStateSummary(n, k.GetAcceptedStateSummary)
	case *enginev1.PeerMessage_StateSummaryFrontier_, *enginev1.PeerMessage_AcceptedStateSummary_:
		e.drop("an answer that only state sync asks for")
	case *enginev1.PeerMessage_AppRequest:
		e.onAppRequest(n, k.AppRequest)
	case *enginev1.PeerMessage_AppResponse:
		e.onAppResponse(n, k.AppResponse)
	case *enginev1.PeerMessage_AppError:
		e.onAppError(n, k.AppError)
	case *enginev1.PeerMessage_AppGossip:
		e.onAppGossip(n, k.AppGossip)
	case *enginev1.PeerMessage_Unanswered:
		e.onUnanswered(n, k.Unanswered)
	}
}
