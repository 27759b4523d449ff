package engine

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// The gets: answered in every stage, from the VM host's record. What can't be served gets an explicit answer, never silence.

const (
	getTimeout   = 2 * time.Second
	maxAccepted  = 256 // ids in one GetAccepted
	maxAncestors = 2000
	maxAnswer    = 2<<20 - 64<<10 // bytes of blocks in one Ancestors, with room for their lengths and the envelope
	maxSummaries = 64
	notStarted   = "the engine is starting"
)

// onGet sends a block: one that is undecided here, or one of the record.
func (e *engine) onGet(n primitives.NodeID, m *enginev1.Get) {
	id, err := primitives.HashFrom(m.GetContainerId())
	if err != nil {
		e.report(n, costUndecodable, "asks for an id that is none")
		e.refuse(n, m.GetRequestId(), requests.Put, "the id isn't one")
		return
	}
	if e.core != nil {
		if b, ok := e.core.Block(id); ok {
			e.sendTo(n, &enginev1.Put{RequestId: m.GetRequestId(), Container: b.Bytes()})
			return
		}
	}
	subsystem.Ask(e.sub, &vmv1.GetConsensusBlock{BlockId: id[:]}, getTimeout, func(r *vmv1.GetConsensusBlockResponse, err error) {
		if content := r.GetBlock().GetConsensusBlock(); err == nil && len(content) > 0 {
			e.sendTo(n, &enginev1.Put{RequestId: m.GetRequestId(), Container: content})
			return
		}
		e.refuse(n, m.GetRequestId(), requests.Put, why(err, r.GetError()))
	})
}

// onGetAncestors sends a block of the record and those before it. An unknown one gets an empty list.
func (e *engine) onGetAncestors(n primitives.NodeID, m *enginev1.GetAncestors) {
	q := &vmv1.GetAncestors{BlockId: m.GetContainerId(), MaxBlocks: maxAncestors, MaxBytes: maxAnswer}
	subsystem.Ask(e.sub, q, getTimeout, func(r *vmv1.GetAncestorsResponse, err error) {
		if err != nil {
			e.refuse(n, m.GetRequestId(), requests.Ancestors, err.Error())
			return
		}
		e.sendTo(n, &enginev1.Ancestors{RequestId: m.GetRequestId(), Containers: r.GetConsensusBlocks()})
	})
}

func (e *engine) onGetAcceptedFrontier(n primitives.NodeID, m *enginev1.GetAcceptedFrontier) {
	if e.core == nil {
		e.refuse(n, m.GetRequestId(), requests.AcceptedFrontier, notStarted)
		return
	}
	last := e.core.Status().LastAccepted
	e.sendTo(n, &enginev1.AcceptedFrontier{RequestId: m.GetRequestId(), ContainerId: last.ID[:]})
}

// onGetAccepted looks every id up and answers when the last one is done.
func (e *engine) onGetAccepted(n primitives.NodeID, m *enginev1.GetAccepted) {
	ids := m.GetContainerIds()
	if len(ids) > maxAccepted {
		e.report(n, costUndecodable, "asks for too many ids at once")
		e.refuse(n, m.GetRequestId(), requests.Accepted, "too many ids")
		return
	}
	have, left := make([][]byte, len(ids)), len(ids)
	finish := func() {
		answer := &enginev1.Accepted{RequestId: m.GetRequestId()}
		for _, id := range have {
			if id != nil {
				answer.ContainerIds = append(answer.ContainerIds, id)
			}
		}
		e.sendTo(n, answer)
	}
	if left == 0 {
		finish()
	}
	for i, id := range ids {
		e.isAccepted(id, func(yes bool) {
			if yes {
				have[i] = id
			}
			if left--; left == 0 {
				finish()
			}
		})
	}
}

func (e *engine) isAccepted(id []byte, then func(bool)) {
	if e.core != nil {
		if last := e.core.Status().LastAccepted; primitives.Hash(id32(id)) == last.ID {
			then(true)
			return
		}
	}
	subsystem.Ask(e.sub, &vmv1.GetConsensusBlock{BlockId: id}, getTimeout, func(r *vmv1.GetConsensusBlockResponse, err error) {
		then(err == nil && r.GetError() == nil)
	})
}

func id32(b []byte) (id [primitives.HashSize]byte) {
	if len(b) == len(id) {
		copy(id[:], b)
	}
	return id
}

// onGetStateSummaryFrontier sends the newest summary that the VM can serve, an empty one if it has none.
func (e *engine) onGetStateSummaryFrontier(n primitives.NodeID, m *enginev1.GetStateSummaryFrontier) {
	subsystem.Ask(e.sub, &pluginv1.GetLastStateSummaryRequest{}, getTimeout, func(r *pluginv1.GetLastStateSummaryResponse, err error) {
		e.sendTo(n, &enginev1.StateSummaryFrontier{RequestId: m.GetRequestId(), Summary: r.GetSummary().GetContent()})
	})
}

// onGetAcceptedStateSummary sends the ids of the summaries at the heights; a height without one is left out.
func (e *engine) onGetAcceptedStateSummary(n primitives.NodeID, m *enginev1.GetAcceptedStateSummary) {
	heights := m.GetHeights()
	if len(heights) > maxSummaries {
		e.report(n, costUndecodable, "asks for too many summaries at once")
		e.refuse(n, m.GetRequestId(), requests.AcceptedStateSummary, "too many heights")
		return
	}
	found, left := make([][]byte, len(heights)), len(heights)
	finish := func() {
		answer := &enginev1.AcceptedStateSummary{RequestId: m.GetRequestId()}
		for _, id := range found {
			if len(id) > 0 {
				answer.SummaryIds = append(answer.SummaryIds, id)
			}
		}
		e.sendTo(n, answer)
	}
	if left == 0 {
		finish()
	}
	for i, height := range heights {
		subsystem.Ask(e.sub, &pluginv1.GetStateSummaryRequest{Height: height}, getTimeout, func(r *pluginv1.GetStateSummaryResponse, err error) {
			found[i] = r.GetSummary().GetId()
			if left--; left == 0 {
				finish()
			}
		})
	}
}

func why(err error, failure *pluginv1.Error) string {
	switch {
	case err != nil:
		return err.Error()
	case failure != nil:
		return describe(failure)
	}
	return "no such block"
}
