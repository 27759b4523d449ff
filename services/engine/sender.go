package engine

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// sender sends what this chain's engine has to say to peers, each message on the lane that its kind travels on, and
// reports their conduct. A message to this node itself comes back from the network bridge like any other.
type sender struct {
	sub   *subsystem.Sub
	drops *drops
	chain primitives.Hash
	// tamper is nil but in drills.
	tamper Tamper
}

func (s *sender) to(n primitives.NodeID, m proto.Message) { s.toAll([]primitives.NodeID{n}, m) }

func (s *sender) toAll(nodes []primitives.NodeID, m proto.Message) {
	if s.tamper != nil {
		s.tamper.Says(nodes, m)
		return
	}
	s.send(nodes, m)
}

func (s *sender) send(nodes []primitives.NodeID, m proto.Message) {
	if out := s.pack(nodes, m); out != nil {
		s.sub.Send(out)
	}
}

// answer sends what a peer has asked for, if there is room: what it makes this node say waits nowhere. It asks again.
func (s *sender) answer(n primitives.NodeID, m proto.Message) {
	if s.tamper != nil {
		s.tamper.Says([]primitives.NodeID{n}, m)
		return
	}
	if out := s.pack([]primitives.NodeID{n}, m); out != nil && s.sub.TrySend(out) != nil {
		s.drops.add("an answer for which the network bridge has no room")
	}
}

// pack makes what the network bridge is sent. Nil: m is nothing for peers.
func (s *sender) pack(nodes []primitives.NodeID, m proto.Message) proto.Message {
	wire, err := seal(s.chain, m)
	if err != nil {
		s.sub.Log.Error("a message can't be sent", "err", err)
		return nil
	}
	peers := make([][]byte, 0, len(nodes))
	for _, n := range nodes {
		peers = append(peers, n[:])
	}
	switch p := travelsOn(wrap(m)); p {
	case ProtocolBulk:
		return &nbv1.SendBulk{Peers: peers, Protocol: p, Payload: wire}
	case ProtocolGossip:
		return &nbv1.SendGossip{Peers: peers, Protocol: p, Payload: wire}
	case ProtocolApp:
		return &nbv1.SendMessage{Peers: peers, Protocol: p, Payload: wire}
	default:
		return &nbv1.SendConsensusMessage{Peers: peers, Protocol: p, Payload: wire}
	}
}

// travelsOn is the protocol, and so the lane, on which a message travels.
func travelsOn(w *enginev1.PeerMessage) string {
	switch w.GetKind().(type) {
	case *enginev1.PeerMessage_GetAncestors, *enginev1.PeerMessage_Ancestors_,
		*enginev1.PeerMessage_GetStateSummaryFrontier, *enginev1.PeerMessage_StateSummaryFrontier_,
		*enginev1.PeerMessage_GetAcceptedStateSummary, *enginev1.PeerMessage_AcceptedStateSummary_:
		return ProtocolBulk
	case *enginev1.PeerMessage_AppGossip:
		return ProtocolGossip
	case *enginev1.PeerMessage_AppRequest, *enginev1.PeerMessage_AppResponse, *enginev1.PeerMessage_AppError:
		return ProtocolApp
	}
	return ProtocolConsensus
}

// refuse answers a peer explicitly that its request gets no answer.
func (s *sender) refuse(to primitives.NodeID, id uint32, answer requests.Answer, reason string) {
	s.answer(to, &enginev1.Unanswered{RequestId: id, Answer: enginev1.Answer(answer), Reason: reason})
}

// report has the network bridge enter what a peer's conduct costs it.
func (s *sender) report(n primitives.NodeID, cost int, reason string) {
	s.sub.Log.Debug("a peer misbehaves", "peer", n.Short(), "cost", cost, "err", reason)
	s.sub.Send(&nbv1.ReportPeer{Peer: n[:], CostBenefit: int32(-cost), Reason: reason})
}
