package engine

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// perform does one thing that the core wants done.
func (e *engine) perform(a snowman.Action) {
	switch a := a.(type) {
	case snowman.SendPushQuery:
		e.send.toAll(a.Nodes, &enginev1.PushQuery{
			RequestId: a.RequestID, Container: a.Container, RequestedHeight: a.Height,
		})
	case snowman.SendPullQuery:
		e.send.toAll(a.Nodes, &enginev1.PullQuery{
			RequestId: a.RequestID, ContainerId: a.ID[:], RequestedHeight: a.Height,
		})
	case snowman.SendChits:
		e.send.to(a.Node, &enginev1.Chits{
			RequestId: a.RequestID, PreferredId: a.Preferred[:], PreferredIdAtHeight: a.PreferredAt[:],
			AcceptedId: a.Accepted[:], AcceptedHeight: a.AcceptedHeight,
		})
	case snowman.SendGet:
		e.send.to(a.Node, &enginev1.Get{RequestId: a.RequestID, ContainerId: a.ID[:]})
	case snowman.SendGetAncestors:
		e.send.to(a.Node, &enginev1.GetAncestors{RequestId: a.RequestID, ContainerId: a.ID[:]})
	case snowman.SendGetAcceptedFrontier:
		e.send.toAll(a.Nodes, &enginev1.GetAcceptedFrontier{RequestId: a.RequestID})
	case snowman.SendGetAccepted:
		e.send.toAll(a.Nodes, &enginev1.GetAccepted{RequestId: a.RequestID, ContainerIds: bytesOf(a.IDs)})
	case snowman.Verify:
		e.executor.push(&vmOp{kind: opVerify, block: a.Block, doubted: a.Doubted})
	case snowman.Accept:
		e.executor.push(&vmOp{kind: opAccept, block: a.Block, certificate: a.Certificate})
	case snowman.Reject:
		e.executor.push(&vmOp{kind: opReject, block: a.Block})
	case snowman.Prefer:
		e.executor.push(&vmOp{kind: opPrefer, id: a.ID})
	case snowman.Import:
		e.imported(a.Block)
	case snowman.Finalize:
		e.finalized(a.Block)
	case snowman.Build:
		e.builder.build(a.Header)
	case snowman.Keep:
		e.preserver.keep(a)
	case snowman.SignVote:
		e.voter.sign(a.Height, a.Vote)
	case snowman.SendVotes:
		e.send.toAll(a.Nodes, votesOf(a.Height, a.Votes))
	case snowman.SendProof:
		e.send.toAll(a.Nodes, &enginev1.Proof{Proof: a.Proof})
	case snowman.SendGetVotes:
		e.send.toAll(a.Nodes, &enginev1.GetVotes{Height: a.Height, Round: a.Round})
	case snowman.SendCertified:
		e.gets.certified(a.Node, a.Height)
	case snowman.Accuse:
		e.witness.sawVotes(a)
	case snowman.AccuseBlocks:
		e.witness.sawBlocks(a)
	case snowman.Halt:
		e.contradicted(a)
	case snowman.Report:
		e.send.report(a.Node, a.Cost, a.Reason)
	default:
		panic(fmt.Sprintf("engine: an action of type %T", a)) // a mistake of ours: the core's actions are a closed list
	}
}

func (e *engine) imported(b *block.Block) {
	id := b.ID()
	e.sub.Log.Debug("issued", "height", b.Height, "block", id.Short(), "proposer", b.Proposer, "slot", b.Slot)
	e.sub.Send(&overseerv1.BlockImported{Hash: id[:], Parent: b.Parent[:], Number: b.Height})
}

func (e *engine) finalized(b *block.Block) {
	id := b.ID()
	e.sub.Log.Debug("final", "height", b.Height, "block", id.Short())
	e.sub.Send(&overseerv1.BlockAccepted{Hash: id[:], Number: b.Height})
	e.absences.changed()
}

func bytesOf(ids []primitives.Hash) [][]byte {
	out := make([][]byte, len(ids))
	for i := range ids {
		out[i] = ids[i][:]
	}
	return out
}
