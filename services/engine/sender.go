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
}

func (s *sender) to(n primitives.NodeID, m proto.Message) { s.toAll([]primitives.NodeID{n}, m) }

func (s *sender) toAll(nodes []primitives.NodeID, m proto.Message) {
	if out := s.pack(nodes, m); out != nil {
		s.sub.Send(out)
	}
}

// answer sends what a peer has asked for, if there is room: what it makes this node say waits nowhere. It asks again.
func (s *sender) answer(n primitives.NodeID, m proto.Message) {
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
	switch m.(type) {
	case *enginev1.Ancestors, *enginev1.GetAncestors, *enginev1.GetStateSummaryFrontier, *enginev1.StateSummaryFrontier,
		*enginev1.GetAcceptedStateSummary, *enginev1.AcceptedStateSummary:
		return &nbv1.SendBulk{Peers: peers, Protocol: ProtocolBulk, Payload: wire}
	case *enginev1.AppGossip:
		return &nbv1.SendGossip{Peers: peers, Protocol: ProtocolGossip, Payload: wire}
	case *enginev1.AppRequest, *enginev1.AppResponse, *enginev1.AppError:
		return &nbv1.SendMessage{Peers: peers, Protocol: ProtocolApp, Payload: wire}
	}
	return &nbv1.SendConsensusMessage{Peers: peers, Protocol: ProtocolConsensus, Payload: wire}
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
