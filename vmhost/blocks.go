package vmhost

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// question is a job that passes a request on to the plugin.
type question[R proto.Message] struct {
	m   *subsystem.Message
	ask func(ctx context.Context, g *generation) (R, error)
	// reply runs on the loop with the plugin's answer; nil: the asker gets it as it is.
	reply  func(r R)
	answer R
}

func (q *question[R]) begin(*generation) bool { return q.m.Open() }

func (q *question[R]) call(ctx context.Context, g *generation) (err error) {
	q.answer, err = q.ask(ctx, g)
	return err
}

func (q *question[R]) finish(*generation) {
	if q.reply == nil {
		q.m.Reply(q.answer)
		return
	}
	q.reply(q.answer)
}

func (h *handler) onSetState(m *subsystem.Message, r *pluginv1.SetStateRequest) {
	h.enqueue(m, &question[*pluginv1.SetStateResponse]{m: m, ask: func(ctx context.Context, g *generation) (*pluginv1.SetStateResponse, error) {
		a, err := g.vm.SetState(ctx, r)
		if err == nil && a.GetError() == nil {
			err = h.follow(ctx, a.GetLastAccepted())
		}
		return a, err
	}, reply: func(a *pluginv1.SetStateResponse) {
		if a.GetError() == nil {
			h.state = r.GetState()
			h.events.acted(pluginv1.Event_EVENT_STATE_SYNC_DONE)
			last := h.record.Last()
			a.LastAccepted = &pluginv1.Block{Id: last.VMBlock[:], Height: last.Height}
		}
		m.Reply(a)
	}})
}

func (h *handler) onRejectBlock(m *subsystem.Message, r *pluginv1.RejectBlockRequest) {
	id, _ := hashOf(r.GetBlockId())
	if _, processing := h.processing[id]; !processing {
		m.Reply(&pluginv1.RejectBlockResponse{})
		return
	}
	h.enqueue(m, &question[*pluginv1.RejectBlockResponse]{m: m, ask: func(ctx context.Context, g *generation) (*pluginv1.RejectBlockResponse, error) {
		return g.vm.RejectBlock(ctx, r)
	}, reply: func(a *pluginv1.RejectBlockResponse) {
		if a.GetError() == nil {
			delete(h.processing, id)
		}
		m.Reply(a)
	}})
}

// onSetPreference remembers; the plugin is told before it is asked to build.
func (h *handler) onSetPreference(m *subsystem.Message, r *pluginv1.SetPreferenceRequest) {
	m.Reply(&pluginv1.SetPreferenceResponse{Error: h.prefer(r.GetBlockId())})
}

func (h *handler) prefer(name []byte) *pluginv1.Error {
	id, ok := hashOf(name)
	if !ok {
		return notFound()
	}
	if _, processing := h.processing[id]; !processing && id != h.lastAccepted() {
		return notFound()
	}
	h.preferred = id
	return nil
}

// preference is the preferred block, or the one accepted last when that is gone.
func (h *handler) preference() primitives.Hash {
	if _, processing := h.processing[h.preferred]; processing {
		return h.preferred
	}
	return h.lastAccepted()
}

// sane checks what a plugin says of a block. A plugin that says nonsense is broken.
func sane(e *pluginv1.Error, b *pluginv1.Block) error {
	_, id := hashOf(b.GetId())
	_, parent := hashOf(b.GetParentId())
	if e == nil && (!id || !parent) {
		return status.Errorf(codes.Internal, "a block with an id of %d bytes and a parent of %d bytes", len(b.GetId()), len(b.GetParentId()))
	}
	return nil
}

func hashOf(b []byte) (primitives.Hash, bool) {
	id, err := primitives.HashFrom(b)
	return id, err == nil
}
