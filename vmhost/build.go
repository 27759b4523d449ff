package vmhost

import (
	"context"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// buildJob has the VM build a block on the preferred one.
type buildJob struct {
	b         *blocks
	m         *subsystem.Message
	context   *pluginv1.BuildContext
	preferred primitives.Hash
	answer    *pluginv1.BuildBlockResponse
}

// onBuildBlock builds on the given parent, or on the preferred block.
func (b *blocks) onBuildBlock(m *subsystem.Message, r *pluginv1.BuildBlockRequest) {
	if len(r.GetParentId()) > 0 {
		if e := b.prefer(r.GetParentId()); e != nil {
			refuse(m, e)
			return
		}
	}
	b.notices.acted(pluginv1.Event_EVENT_PENDING_TXS)
	b.queue.add(m, &buildJob{b: b, m: m, context: r.GetContext()})
}

func (j *buildJob) begin(*generation) bool {
	j.preferred = j.b.preference()
	return j.m.Open()
}

// call names the parent only to a plugin that doesn't know that it is preferred.
func (j *buildJob) call(ctx context.Context, g *generation) (err error) {
	request := &pluginv1.BuildBlockRequest{Context: j.context}
	if g.preferred != j.preferred {
		request.ParentId = j.preferred[:]
	}
	if j.answer, err = g.vm.BuildBlock(ctx, request); err != nil {
		return err
	}
	return sane(j.answer.GetError(), j.answer.GetBlock())
}

func (j *buildJob) finish(g *generation) {
	if j.answer.GetError().GetNotFound() == nil {
		g.preferred = j.preferred
	}
	if id, ok := hashOf(j.answer.GetBlock().GetId()); ok {
		if _, err := j.b.names.know(j.answer.GetBlock().GetContent(), id); err != nil {
			refuse(j.m, internal("%s", j.b.queue.life.failed(g, "BuildBlock", err)))
			return
		}
		j.b.contents.add(id, j.answer.GetBlock().GetContent())
		g.shown[id] = struct{}{}
	}
	j.m.Reply(j.answer)
}
