package engine

import (
	"bytes"
	"errors"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/snowman"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

var errOtherChain = errors.New("it is for another chain")

// costUndecodable is what bytes that are no message cost the peer; it is dropped at 1000.
const costUndecodable = 100

// onNetworkBridgeUpdate takes news of the network. All protocols have the same peers, so only consensus tells who is there.
func (e *engine) onNetworkBridgeUpdate(ev *nbv1.NetworkBridgeEvent) {
	switch k := ev.GetKind().(type) {
	case *nbv1.NetworkBridgeEvent_PeerConnected:
		if ev.GetProtocol() == ProtocolConsensus {
			e.fromPeer(k.PeerConnected.GetPeer(), e.onConnected)
		}
	case *nbv1.NetworkBridgeEvent_PeerDisconnected:
		if ev.GetProtocol() == ProtocolConsensus {
			e.fromPeer(k.PeerDisconnected.GetPeer(), e.onDisconnected)
		}
	case *nbv1.NetworkBridgeEvent_PeersReset:
		if ev.GetProtocol() == ProtocolConsensus {
			for _, n := range e.connectedPeers() {
				e.onDisconnected(n)
			}
		}
	}
	for _, m := range ev.Messages() {
		e.fromPeer(m.GetPeer(), func(n primitives.NodeID) { e.onPeerMessage(n, m.GetPayload()) })
	}
}

func (e *engine) fromPeer(id []byte, then func(primitives.NodeID)) {
	n, err := primitives.NodeIDFrom(id)
	if err != nil {
		e.drop("a peer without a name")
		return
	}
	then(n)
}

// drop counts what isn't served, and says so once in a while.
func (e *engine) drop(reason string) {
	if e.dropped[reason]++; e.dropped[reason]%1000 == 1 {
		e.sub.Log.Debug("dropped", "reason", reason, "times", e.dropped[reason])
	}
}

func (e *engine) onConnected(n primitives.NodeID) {
	if _, twice := e.peers[n]; twice || n == e.cfg.NodeID {
		return
	}
	_, e.peers[n] = e.cfg.Validators.Index(n)
	e.sub.Send(&vmv1.Connected{NodeId: n[:]})
	e.step(snowman.PeerConnected{Node: n})
}

func (e *engine) onDisconnected(n primitives.NodeID) {
	if _, known := e.peers[n]; !known {
		return
	}
	delete(e.peers, n)
	for _, k := range e.apps.Disconnect(n) {
		e.appFailed(k, requests.Disconnected)
	}
	e.step(snowman.PeerDisconnected{Node: n})
	e.forgetOwed(n)
	e.sub.Send(&vmv1.Disconnected{NodeId: n[:]})
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

// onPeerMessage decodes what a peer sent and handles it as a variant of its own.
func (e *engine) onPeerMessage(from primitives.NodeID, payload []byte) {
	m, err := open(e.cfg.Chain.ID, from, payload)
	switch {
	case errors.Is(err, errOtherChain):
		e.drop(err.Error())
	case err != nil:
		e.report(from, costUndecodable, "an undecodable message: "+err.Error())
	default:
		if u, ok := m.(*enginev1.Unanswered); ok {
			e.onUnanswered(from, u)
			return
		}
		e.handlePeer(m)
	}
}

// handlePeer is the switch over everything that peers' engines say, and over the failures of what was asked of them. False: it is none
// of these.
func (e *engine) handlePeer(m proto.Message) bool {
	switch m := m.(type) {
	case *enginev1.GetStateSummaryFrontier:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onGetStateSummaryFrontier(n, m) })
	case *enginev1.GetAcceptedStateSummary:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onGetAcceptedStateSummary(n, m) })
	case *enginev1.GetAcceptedFrontier:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onGetAcceptedFrontier(n, m) })
	case *enginev1.GetAccepted:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onGetAccepted(n, m) })
	case *enginev1.GetAncestors:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onGetAncestors(n, m) })
	case *enginev1.Get:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onGet(n, m) })
	case *enginev1.PushQuery:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onPushQuery(n, m) })
	case *enginev1.PullQuery:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onPullQuery(n, m) })
	case *enginev1.AppRequest:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onAppRequest(n, m) })
	case *enginev1.AppGossip:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onAppGossip(n, m) })
	default:
		return e.handleAnswer(m)
	}
	return true
}

// handleAnswer is the switch over answers and failures.
func (e *engine) handleAnswer(m proto.Message) bool {
	switch m := m.(type) {
	case *enginev1.Chits:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onChits(n, m) })
	case *enginev1.Put:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) {
			e.step(snowman.Put{Node: n, RequestID: m.GetRequestId(), Container: m.GetContainer()})
		})
	case *enginev1.Ancestors:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) {
			e.step(snowman.Ancestors{Node: n, RequestID: m.GetRequestId(), Containers: m.GetContainers()})
		})
	case *enginev1.AcceptedFrontier:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onAcceptedFrontier(n, m) })
	case *enginev1.Accepted:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onAccepted(n, m) })
	case *enginev1.AppResponse:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onAppResponse(n, m) })
	case *enginev1.AppError:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onAppError(n, m) })
	case *enginev1.StateSummaryFrontier, *enginev1.AcceptedStateSummary,
		*enginev1.GetStateSummaryFrontierFailed, *enginev1.GetAcceptedStateSummaryFailed:
		e.drop("an answer that only state sync asks for")
	case *enginev1.GetAcceptedFrontierFailed:
		e.requestFailed(m.GetNodeId(), m.GetRequestId(), requests.AcceptedFrontier, m.GetReason())
	case *enginev1.GetAcceptedFailed:
		e.requestFailed(m.GetNodeId(), m.GetRequestId(), requests.Accepted, m.GetReason())
	case *enginev1.GetAncestorsFailed:
		e.requestFailed(m.GetNodeId(), m.GetRequestId(), requests.Ancestors, m.GetReason())
	case *enginev1.GetFailed:
		e.requestFailed(m.GetNodeId(), m.GetRequestId(), requests.Put, m.GetReason())
	case *enginev1.QueryFailed:
		e.requestFailed(m.GetNodeId(), m.GetRequestId(), requests.Chits, m.GetReason())
	case *enginev1.AppRequestFailed:
		e.fromPeer(m.GetNodeId(), func(n primitives.NodeID) { e.onAppRequestFailed(n, m) })
	default:
		return false
	}
	return true
}
