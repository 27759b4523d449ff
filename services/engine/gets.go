package engine

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

const (
	getTimeout   = 2 * time.Second
	maxAccepted  = 256 // ids in one GetAccepted
	maxAncestors = 2000
	maxAnswer    = 2<<20 - 64<<10 // bytes of blocks in one Ancestors, with room for their lengths and the envelope
	shortAnswer  = 256 << 10      // the same for others than validators: nothing waits long for it to pass
	maxSummaries = 64
	notStarted   = "the engine is starting"
)

// gets answers what peers ask for, in every stage, from the core and the VM host's record. Each question gets exactly
// one answer; what can't be served gets an explicit one, never silence.
type gets struct {
	sub       *subsystem.Sub
	send      *sender
	questions *questions
	core      interface { // the driver
		started() bool
		last() snowman.Anchor
		block(primitives.Hash) (*block.Block, bool)
		accepted(primitives.Hash) bool
	}
}

// askHost has the VM's host asked for a peer, in the peer's turn, and the peer refused when there are too many
// questions.
func (g *gets) askHost(n primitives.NodeID, id uint32, answer requests.Answer, ask func(done func(read int))) {
	g.questions.add(questionKey{n, id, answer}, ask, func(why string) {
		g.send.refuse(n, id, answer, why)
		if g.questions.isStranger(n) {
			g.send.report(n, costGreedy, "asks for more than it may")
		}
	})
}

// get sends a block: one that is undecided here, or one of the record.
func (g *gets) get(n primitives.NodeID, m *enginev1.Get) {
	id, err := primitives.HashFrom(m.GetContainerId())
	if err != nil {
		g.send.report(n, costUndecodable, "asks for an id that is none")
		g.send.refuse(n, m.GetRequestId(), requests.Put, "the id isn't one")
		return
	}
	if b, ok := g.core.block(id); ok && g.questions.serve(n, len(b.Bytes())) {
		g.send.answer(n, &enginev1.Put{RequestId: m.GetRequestId(), Container: b.Bytes()})
		return
	}
	g.askHost(n, m.GetRequestId(), requests.Put, func(done func(read int)) {
		q := &vmv1.GetConsensusBlock{BlockId: id[:]}
		subsystem.Ask(g.sub, q, getTimeout, func(r *vmv1.GetConsensusBlockResponse, err error) {
			content := r.GetBlock().GetConsensusBlock()
			if err == nil && len(content) > 0 {
				g.send.answer(n, &enginev1.Put{
					RequestId: m.GetRequestId(), Container: content, Certificate: r.GetBlock().GetCertificate(),
				})
			} else {
				g.send.refuse(n, m.GetRequestId(), requests.Put, whyNone(err, r.GetError()))
			}
			done(len(content))
		})
	})
}

func whyNone(err error, failure *pluginv1.Error) string {
	switch {
	case err != nil:
		return err.Error()
	case failure != nil:
		return describe(failure)
	}
	return "no such block"
}

// ancestors sends a block of the record and those before it. An unknown one gets an empty list.
func (g *gets) ancestors(n primitives.NodeID, m *enginev1.GetAncestors) {
	g.askHost(n, m.GetRequestId(), requests.Ancestors, func(done func(read int)) {
		q := &vmv1.GetAncestors{BlockId: m.GetContainerId(), MaxBlocks: maxAncestors, MaxBytes: maxAnswer}
		if g.questions.isStranger(n) {
			q.MaxBytes = shortAnswer
		}
		subsystem.Ask(g.sub, q, getTimeout, func(r *vmv1.GetAncestorsResponse, err error) {
			if err != nil {
				g.send.refuse(n, m.GetRequestId(), requests.Ancestors, err.Error())
			} else {
				g.send.answer(n, &enginev1.Ancestors{
					RequestId: m.GetRequestId(), Containers: r.GetConsensusBlocks(), Certificates: r.GetCertificates(),
				})
			}
			done(proto.Size(r))
		})
	})
}

func (g *gets) acceptedFrontier(n primitives.NodeID, m *enginev1.GetAcceptedFrontier) {
	if !g.core.started() {
		g.send.refuse(n, m.GetRequestId(), requests.AcceptedFrontier, notStarted)
		return
	}
	last := g.core.last().ID
	g.send.answer(n, &enginev1.AcceptedFrontier{RequestId: m.GetRequestId(), ContainerId: last[:]})
}

// accepted looks one id up after the other and answers when the last one is done.
func (g *gets) accepted(n primitives.NodeID, m *enginev1.GetAccepted) {
	ids := m.GetContainerIds()
	if len(ids) > maxAccepted {
		g.send.report(n, costUndecodable, "asks for too many ids at once")
		g.send.refuse(n, m.GetRequestId(), requests.Accepted, "too many ids")
		return
	}
	g.askHost(n, m.GetRequestId(), requests.Accepted, func(done func(read int)) {
		inTurn(ids, g.ifAccepted, func(have [][]byte, read int) {
			g.send.answer(n, &enginev1.Accepted{RequestId: m.GetRequestId(), ContainerIds: have})
			done(read)
		})
	})
}

// ifAccepted finds an id if its block is accepted here. Of the latest ones the core knows.
func (g *gets) ifAccepted(raw []byte, found func(b []byte, read int)) {
	id, err := primitives.HashFrom(raw)
	switch {
	case err != nil:
		found(nil, 0)
		return
	case g.core.accepted(id):
		found(raw, 0)
		return
	}
	q := &vmv1.GetConsensusBlock{BlockId: raw}
	subsystem.Ask(g.sub, q, getTimeout, func(r *vmv1.GetConsensusBlockResponse, err error) {
		if err != nil || r.GetError() != nil {
			raw = nil
		}
		found(raw, len(r.GetBlock().GetConsensusBlock()))
	})
}

// stateSummaryFrontier sends the newest summary that the VM can serve, an empty one if it has none.
func (g *gets) stateSummaryFrontier(n primitives.NodeID, m *enginev1.GetStateSummaryFrontier) {
	g.askHost(n, m.GetRequestId(), requests.StateSummaryFrontier, func(done func(read int)) {
		q := &pluginv1.GetLastStateSummaryRequest{}
		subsystem.Ask(g.sub, q, getTimeout, func(r *pluginv1.GetLastStateSummaryResponse, _ error) {
			summary := r.GetSummary().GetContent()
			g.send.answer(n, &enginev1.StateSummaryFrontier{RequestId: m.GetRequestId(), Summary: summary})
			done(len(summary))
		})
	})
}

// acceptedStateSummary sends the ids of the summaries at the heights; a height without one is left out.
func (g *gets) acceptedStateSummary(n primitives.NodeID, m *enginev1.GetAcceptedStateSummary) {
	heights := m.GetHeights()
	if len(heights) > maxSummaries {
		g.send.report(n, costUndecodable, "asks for too many summaries at once")
		g.send.refuse(n, m.GetRequestId(), requests.AcceptedStateSummary, "too many heights")
		return
	}
	g.askHost(n, m.GetRequestId(), requests.AcceptedStateSummary, func(done func(read int)) {
		inTurn(heights, g.summaryAt, func(ids [][]byte, read int) {
			g.send.answer(n, &enginev1.AcceptedStateSummary{RequestId: m.GetRequestId(), SummaryIds: ids})
			done(read)
		})
	})
}

func (g *gets) summaryAt(height uint64, found func(id []byte, read int)) {
	q := &pluginv1.GetStateSummaryRequest{Height: height}
	subsystem.Ask(g.sub, q, getTimeout, func(r *pluginv1.GetStateSummaryResponse, _ error) {
		found(r.GetSummary().GetId(), proto.Size(r))
	})
}

// certified sends the accepted block of a height with its certificate, to a peer that hasn't decided it. Where it
// can't, the peer asks again.
func (g *gets) certified(n primitives.NodeID, height uint64) {
	key := questionKey{peer: n, id: uint32(height)} // no answer in the sense of requests: nobody waits for this one
	g.questions.add(key, func(done func(read int)) {
		q := &vmv1.GetBlockIDAtHeight{Height: height}
		subsystem.Ask(g.sub, q, getTimeout, func(r *vmv1.GetBlockIDAtHeightResponse, err error) {
			if err != nil || r.GetError() != nil {
				done(0)
				return
			}
			g.sendCertified(n, r.GetBlock().GetBlockId(), done)
		})
	}, func(string) {})
}

func (g *gets) sendCertified(n primitives.NodeID, id []byte, done func(read int)) {
	q := &vmv1.GetConsensusBlock{BlockId: id}
	subsystem.Ask(g.sub, q, getTimeout, func(r *vmv1.GetConsensusBlockResponse, err error) {
		b := r.GetBlock()
		if err == nil && len(b.GetConsensusBlock()) > 0 {
			g.send.answer(n, &enginev1.Certified{Container: b.GetConsensusBlock(), Certificate: b.GetCertificate()})
		}
		done(len(b.GetConsensusBlock()))
	})
}
