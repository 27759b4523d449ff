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
	chain primitives.Hash
}

func (s *sender) to(n primitives.NodeID, m proto.Message) { s.toAll([]primitives.NodeID{n}, m) }

func (s *sender) toAll(nodes []primitives.NodeID, m proto.Message) {
	wire, err := seal(s.chain, m)
	if err != nil {
		s.sub.Log.Error("a message can't be sent", "err", err)
		return
	}
	peers := make([][]byte, 0, len(nodes))
	for _, n := range nodes {
		peers = append(peers, n[:])
	}
	switch m.(type) {
	case *enginev1.Ancestors, *enginev1.GetAncestors, *enginev1.GetStateSummaryFrontier, *enginev1.StateSummaryFrontier,
		*enginev1.GetAcceptedStateSummary, *enginev1.AcceptedStateSummary:
		s.sub.Send(&nbv1.SendBulk{Peers: peers, Protocol: ProtocolBulk, Payload: wire})
	case *enginev1.AppGossip:
		s.sub.Send(&nbv1.SendGossip{Peers: peers, Protocol: ProtocolGossip, Payload: wire})
	case *enginev1.AppRequest, *enginev1.AppResponse, *enginev1.AppError:
		s.sub.Send(&nbv1.SendMessage{Peers: peers, Protocol: ProtocolApp, Payload: wire})
	default:
		s.sub.Send(&nbv1.SendConsensusMessage{Peers: peers, Protocol: ProtocolConsensus, Payload: wire})
	}
}

// refuse answers a peer explicitly that its request gets no answer.
func (s *sender) refuse(to primitives.NodeID, id uint32, answer requests.Answer, reason string) {
	s.to(to, &enginev1.Unanswered{RequestId: id, Answer: enginev1.Answer(answer), Reason: reason})
}

// report has the network bridge enter what a peer's conduct costs it.
func (s *sender) report(n primitives.NodeID, cost int, reason string) {
	s.sub.Log.Debug("a peer misbehaves", "peer", n.Short(), "cost", cost, "err", reason)
	s.sub.Send(&nbv1.ReportPeer{Peer: n[:], CostBenefit: int32(-cost), Reason: reason})
}
