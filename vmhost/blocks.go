package vmhost

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// answer replies with an error as the field of a response.
func answer(m *subsystem.Message, respond func(*vmv1.Error) proto.Message) func(*vmv1.Error) {
	return func(e *vmv1.Error) { m.Reply(respond(e)) }
}

// ask is a job that passes a question to the plugin and its answer to the asker.
func ask[R proto.Message](m *subsystem.Message, what string, fail func(*vmv1.Error), call func(ctx context.Context, g *generation) (R, error), finish func(g *generation, r R)) *job {
	return &job{what: what, fail: fail, begin: func(g *generation) work {
		if !m.Open() {
			return nil
		}
		return func(ctx context.Context) (func(), error) {
			r, err := call(ctx, g)
			if err != nil {
				return nil, err
			}
			return func() { finish(g, r) }, nil
		}
	}}
}

func (h *handler) onSetState(m *subsystem.Message, r *vmv1.SetState) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.SetStateResponse{Error: e} })
	h.enqueue(ask(m, "SetState", fail, func(ctx context.Context, g *generation) (*pluginv1.SetStateResponse, error) {
		a, err := g.vm.SetState(ctx, &pluginv1.SetStateRequest{State: r.GetState()})
		if err == nil && a.GetError() == nil {
			err = h.follow(ctx, a.GetLastAccepted())
		}
		return a, err
	}, func(_ *generation, a *pluginv1.SetStateResponse) {
		if a.GetError() != nil {
			fail(a.GetError())
			return
		}
		h.state = r.GetState()
		h.events.acted(vmv1.Event_EVENT_STATE_SYNC_DONE)
		last := h.record.Last()
		m.Reply(&vmv1.SetStateResponse{LastAccepted: &vmv1.BlockRef{Id: last.VMBlock[:], Height: last.Height}})
	}))
}

// onBuildBlock builds on the given parent, or on the preferred block.
func (h *handler) onBuildBlock(m *subsystem.Message, r *vmv1.BuildBlock) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.BuildBlockResponse{Error: e} })
	if len(r.GetParentId()) > 0 {
		if e := h.prefer(r.GetParentId()); e != nil {
			fail(e)
			return
		}
	}
	h.events.acted(vmv1.Event_EVENT_PENDING_TXS)
	h.enqueue(&job{what: "BuildBlock", fail: fail, begin: func(g *generation) work {
		if !m.Open() {
			return nil
		}
		request := &pluginv1.BuildBlockRequest{Context: r.GetContext()}
		preferred := h.preference()
		if g.told != preferred {
			request.PreferredId = preferred[:]
		}
		return func(ctx context.Context) (func(), error) {
			a, err := g.vm.BuildBlock(ctx, request)
			if err == nil {
				err = sane(a.GetError(), a.GetBlock())
			}
			if err != nil {
				return nil, err
			}
			return func() { h.built(g, m, preferred, a) }, nil
		}
	}})
}

func (h *handler) built(g *generation, m *subsystem.Message, preferred primitives.Hash, a *pluginv1.BuildBlockResponse) {
	if a.GetError().GetNotFound() == nil {
		g.told = preferred
	}
	if id, ok := hashOf(a.GetBlock().GetId()); ok {
		h.contents.add(id, a.GetBlock().GetContent())
		g.shown[id] = struct{}{}
	}
	m.Reply(&vmv1.BuildBlockResponse{Error: a.GetError(), Block: a.GetBlock()})
}

// sane checks what a plugin says of a block. A plugin that says nonsense is broken.
func sane(e *vmv1.Error, b *vmv1.Block) error {
	_, id := hashOf(b.GetId())
	_, parent := hashOf(b.GetParentId())
	if e == nil && (!id || !parent) {
		return status.Errorf(codes.Internal, "a block with an id of %d bytes and a parent of %d bytes", len(b.GetId()), len(b.GetParentId()))
	}
	return nil
}

func (h *handler) onParseBlock(m *subsystem.Message, r *vmv1.ParseBlock) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.ParseBlockResponse{Error: e} })
	if h.poison.has(r.GetContent()) {
		fail(deadly())
		return
	}
	h.enqueue(h.parse(m, fail, [][]byte{r.GetContent()}, func(results []*vmv1.ParseBlockResponse) { m.Reply(results[0]) }))
}

func (h *handler) onBatchedParseBlock(m *subsystem.Message, r *vmv1.BatchedParseBlock) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.BatchedParseBlockResponse{Error: e} })
	h.enqueue(h.parse(m, fail, r.GetContents(), func(results []*vmv1.ParseBlockResponse) {
		m.Reply(&vmv1.BatchedParseBlockResponse{Results: results})
	}))
}

func (h *handler) parse(m *subsystem.Message, fail func(*vmv1.Error), contents [][]byte, reply func([]*vmv1.ParseBlockResponse)) *job {
	j := ask(m, "ParseBlock", fail, func(ctx context.Context, g *generation) (*pluginv1.ParseBlockResponse, error) {
		a, err := g.vm.ParseBlock(ctx, &pluginv1.ParseBlockRequest{Contents: contents})
		if err == nil && len(a.GetResults()) != len(contents) {
			err = status.Errorf(codes.Internal, "%d results for %d blocks", len(a.GetResults()), len(contents))
		}
		for _, r := range a.GetResults() {
			if err == nil {
				err = sane(r.GetError(), r.GetBlock())
			}
		}
		return a, err
	}, func(g *generation, a *pluginv1.ParseBlockResponse) {
		results := make([]*vmv1.ParseBlockResponse, len(contents))
		for i, r := range a.GetResults() {
			results[i] = &vmv1.ParseBlockResponse{Error: r.GetError(), Block: r.GetBlock()}
			if id, ok := hashOf(r.GetBlock().GetId()); ok {
				h.contents.add(id, contents[i])
				g.shown[id] = struct{}{}
			}
		}
		reply(results)
	})
	j.contents = contents
	return j
}

// maxProcessing bounds the blocks that wait for a decision; an engine keeps far fewer.
const maxProcessing = 1024

// onVerifyBlock makes a block processing.
func (h *handler) onVerifyBlock(m *subsystem.Message, r *vmv1.VerifyBlock) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.VerifyBlockResponse{Error: e} })
	id, named := hashOf(r.GetVmBlockId())
	if !named && len(r.GetContent()) == 0 {
		fail(invalid("neither an id nor the bytes of a block"))
		return
	}
	if h.poison.has(r.GetContent()) {
		fail(deadly())
		return
	}
	h.enqueue(&job{what: "VerifyBlock", contents: [][]byte{r.GetContent()}, fail: fail, begin: func(g *generation) work {
		if !m.Open() {
			return nil
		}
		if u, done := h.processing[id]; named && done {
			m.Reply(&vmv1.VerifyBlockResponse{Block: u.block})
			return nil
		}
		if len(h.processing) >= maxProcessing {
			fail(busy())
			return nil
		}
		content := r.GetContent()
		if len(content) == 0 {
			var kept bool
			if content, kept = h.contents.get(id); !kept {
				fail(notFound())
				return nil
			}
		}
		_, shown := g.shown[id]
		return func(ctx context.Context) (func(), error) {
			a, err := g.verify(ctx, r.GetVmBlockId(), content, r.GetContext(), shown)
			if err == nil {
				err = sane(a.GetError(), a.GetBlock())
			}
			if err != nil {
				return nil, err
			}
			return func() { h.verified(m, content, r.GetContext(), a) }, nil
		}
	}})
}

// verify sends the bytes only to a plugin that hasn't seen them.
func (g *generation) verify(ctx context.Context, id, content []byte, build *vmv1.BuildContext, shown bool) (*pluginv1.VerifyBlockResponse, error) {
	if shown {
		a, err := g.vm.VerifyBlock(ctx, &pluginv1.VerifyBlockRequest{BlockId: id, Context: build})
		if err != nil || a.GetError().GetNotFound() == nil {
			return a, err
		}
	}
	return g.vm.VerifyBlock(ctx, &pluginv1.VerifyBlockRequest{BlockId: id, Content: content, Context: build})
}

func (h *handler) verified(m *subsystem.Message, content []byte, build *vmv1.BuildContext, a *pluginv1.VerifyBlockResponse) {
	if id, ok := hashOf(a.GetBlock().GetId()); ok && a.GetError() == nil && a.GetBlock().GetHeight() > h.record.Last().Height {
		h.remember(id, &undecided{block: a.GetBlock(), content: content, context: build})
	}
	m.Reply(&vmv1.VerifyBlockResponse{Error: a.GetError(), Block: a.GetBlock()})
}

func (h *handler) remember(id primitives.Hash, u *undecided) {
	h.verifications++
	u.order, u.since = h.verifications, h.sub.Now()
	h.processing[id] = u
}

// onSetPreference remembers; the plugin is told before it is asked to build.
func (h *handler) onSetPreference(m *subsystem.Message, r *vmv1.SetPreference) {
	m.Reply(&vmv1.SetPreferenceResponse{Error: h.prefer(r.GetVmBlockId())})
}

func (h *handler) prefer(name []byte) *vmv1.Error {
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

func (h *handler) onRejectBlock(m *subsystem.Message, r *vmv1.RejectBlock) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.RejectBlockResponse{Error: e} })
	id, _ := hashOf(r.GetVmBlockId())
	if _, processing := h.processing[id]; !processing {
		m.Reply(&vmv1.RejectBlockResponse{})
		return
	}
	h.enqueue(ask(m, "RejectBlock", fail, func(ctx context.Context, g *generation) (*pluginv1.RejectBlockResponse, error) {
		return g.vm.RejectBlock(ctx, &pluginv1.RejectBlockRequest{BlockId: r.GetVmBlockId()})
	}, func(_ *generation, a *pluginv1.RejectBlockResponse) {
		if a.GetError() == nil {
			delete(h.processing, id)
		}
		m.Reply(&vmv1.RejectBlockResponse{Error: a.GetError()})
	}))
}
