package engine

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/snowman"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// perform does what the core wants done, in its order.
func (e *engine) perform(actions []snowman.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case snowman.SendPushQuery:
			e.send(a.Nodes, &enginev1.PushQuery{RequestId: a.RequestID, Container: a.Container, RequestedHeight: a.Height})
		case snowman.SendPullQuery:
			e.send(a.Nodes, &enginev1.PullQuery{RequestId: a.RequestID, ContainerId: a.ID[:], RequestedHeight: a.Height})
		case snowman.SendChits:
			e.sendTo(a.Node, &enginev1.Chits{RequestId: a.RequestID, PreferredId: a.Preferred[:], PreferredIdAtHeight: a.PreferredAt[:], AcceptedId: a.Accepted[:], AcceptedHeight: a.AcceptedHeight})
		case snowman.SendGet:
			e.sendTo(a.Node, &enginev1.Get{RequestId: a.RequestID, ContainerId: a.ID[:]})
		case snowman.SendGetAncestors:
			e.sendTo(a.Node, &enginev1.GetAncestors{RequestId: a.RequestID, ContainerId: a.ID[:]})
		case snowman.SendGetAcceptedFrontier:
			e.send(a.Nodes, &enginev1.GetAcceptedFrontier{RequestId: a.RequestID})
		case snowman.SendGetAccepted:
			e.send(a.Nodes, &enginev1.GetAccepted{RequestId: a.RequestID, ContainerIds: bytesOf(a.IDs)})
		case snowman.Verify:
			e.vm.push(e, &vmOp{kind: opVerify, block: a.Block})
		case snowman.Accept:
			e.vm.push(e, &vmOp{kind: opAccept, block: a.Block})
		case snowman.Reject:
			e.vm.push(e, &vmOp{kind: opReject, block: a.Block})
		case snowman.Prefer:
			e.vm.push(e, &vmOp{kind: opPrefer, id: a.ID})
		case snowman.Import:
			e.imported(a.Block)
		case snowman.Finalize:
			e.finalized(a.Block)
		case snowman.Build:
			e.build(a.Header)
		case snowman.Report:
			e.report(a.Node, a.Cost, a.Reason)
		default:
			panic(fmt.Sprintf("engine: an action of type %T", a)) // a mistake of ours: the core's actions are a closed list
		}
	}
}

// report tells the network bridge what a peer's conduct costs it.
func (e *engine) report(n primitives.NodeID, cost int, reason string) {
	e.sub.Log.Debug("a peer misbehaves", "peer", n.Short(), "cost", cost, "reason", reason)
	e.sub.Send(&nbv1.ReportPeer{Peer: n[:], CostBenefit: int32(-cost), Reason: reason})
}

func (e *engine) sendTo(n primitives.NodeID, m proto.Message) { e.send([]primitives.NodeID{n}, m) }

// send gives one message of this chain to the network bridge, on the lane that its kind travels on. A message to this node itself comes
// in at the front door.
func (e *engine) send(nodes []primitives.NodeID, m proto.Message) {
	wire, err := seal(e.cfg.Chain.ID, m)
	if err != nil {
		e.sub.Log.Error("a message can't be sent", "cause", err)
		return
	}
	peers := make([][]byte, 0, len(nodes))
	for _, n := range nodes {
		peers = append(peers, n[:])
	}
	switch m.(type) {
	case *enginev1.Ancestors, *enginev1.GetAncestors, *enginev1.GetStateSummaryFrontier, *enginev1.StateSummaryFrontier,
		*enginev1.GetAcceptedStateSummary, *enginev1.AcceptedStateSummary:
		e.sub.Send(&nbv1.SendBulk{Peers: peers, Protocol: ProtocolBulk, Payload: wire})
	case *enginev1.AppGossip:
		e.sub.Send(&nbv1.SendGossip{Peers: peers, Protocol: ProtocolGossip, Payload: wire})
	case *enginev1.AppRequest, *enginev1.AppResponse, *enginev1.AppError:
		e.sub.Send(&nbv1.SendMessage{Peers: peers, Protocol: ProtocolApp, Payload: wire})
	default:
		e.sub.Send(&nbv1.SendConsensusMessage{Peers: peers, Protocol: ProtocolConsensus, Payload: wire})
	}
}

// refuse tells a peer explicitly that its request gets no answer.
func (e *engine) refuse(to primitives.NodeID, id uint32, answer requests.Answer, reason string) {
	e.sendTo(to, &enginev1.Unanswered{RequestId: id, Answer: enginev1.Answer(answer), Reason: reason})
}

func bytesOf(ids []primitives.Hash) [][]byte {
	out := make([][]byte, len(ids))
	for i := range ids {
		out[i] = ids[i][:]
	}
	return out
}
