package vmhost

import (
	"context"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// able tells whether the running VM has a capability. Without a VM the call waits like any other.
func (h *handler) able(capability string) bool {
	return h.gen == nil || slices.Contains(h.gen.about.GetCapabilities(), capability)
}

func lacks(capability string) *vmv1.Error {
	return vmsdk.ErrorToProto(&vmsdk.UnimplementedError{What: capability})
}

// syncCall passes a state-sync question on, in turn with the block calls.
func syncCall[R proto.Message](h *handler, m *subsystem.Message, what string, fail func(*vmv1.Error), call func(context.Context, pluginv1.StateSyncServiceClient) (R, error), reply func(R) proto.Message) {
	if !h.able(vmsdk.CapabilityStateSync) {
		fail(lacks(vmsdk.CapabilityStateSync))
		return
	}
	h.enqueue(ask(m, what, fail, func(ctx context.Context, g *generation) (R, error) { return call(ctx, g.sync) },
		func(_ *generation, r R) { m.Reply(reply(r)) }))
}

func (h *handler) onStateSyncEnabled(m *subsystem.Message) {
	if !h.able(vmsdk.CapabilityStateSync) {
		m.Reply(&vmv1.StateSyncEnabledResponse{})
		return
	}
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.StateSyncEnabledResponse{Error: e} })
	syncCall(h, m, "StateSyncEnabled", fail, func(ctx context.Context, c pluginv1.StateSyncServiceClient) (*pluginv1.StateSyncEnabledResponse, error) {
		return c.StateSyncEnabled(ctx, &pluginv1.StateSyncEnabledRequest{})
	}, func(r *pluginv1.StateSyncEnabledResponse) proto.Message {
		return &vmv1.StateSyncEnabledResponse{Error: r.GetError(), Enabled: r.GetEnabled()}
	})
}

func (h *handler) onGetOngoingSyncStateSummary(m *subsystem.Message) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.GetOngoingSyncStateSummaryResponse{Error: e} })
	syncCall(h, m, "GetOngoingSyncStateSummary", fail, func(ctx context.Context, c pluginv1.StateSyncServiceClient) (*pluginv1.GetOngoingSyncStateSummaryResponse, error) {
		return c.GetOngoingSyncStateSummary(ctx, &pluginv1.GetOngoingSyncStateSummaryRequest{})
	}, func(r *pluginv1.GetOngoingSyncStateSummaryResponse) proto.Message {
		return &vmv1.GetOngoingSyncStateSummaryResponse{Error: r.GetError(), Summary: r.GetSummary()}
	})
}

func (h *handler) onGetLastStateSummary(m *subsystem.Message) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.GetLastStateSummaryResponse{Error: e} })
	syncCall(h, m, "GetLastStateSummary", fail, func(ctx context.Context, c pluginv1.StateSyncServiceClient) (*pluginv1.GetLastStateSummaryResponse, error) {
		return c.GetLastStateSummary(ctx, &pluginv1.GetLastStateSummaryRequest{})
	}, func(r *pluginv1.GetLastStateSummaryResponse) proto.Message {
		return &vmv1.GetLastStateSummaryResponse{Error: r.GetError(), Summary: r.GetSummary()}
	})
}

func (h *handler) onParseStateSummary(m *subsystem.Message, q *vmv1.ParseStateSummary) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.ParseStateSummaryResponse{Error: e} })
	syncCall(h, m, "ParseStateSummary", fail, func(ctx context.Context, c pluginv1.StateSyncServiceClient) (*pluginv1.ParseStateSummaryResponse, error) {
		return c.ParseStateSummary(ctx, &pluginv1.ParseStateSummaryRequest{Content: q.GetContent()})
	}, func(r *pluginv1.ParseStateSummaryResponse) proto.Message {
		return &vmv1.ParseStateSummaryResponse{Error: r.GetError(), Summary: r.GetSummary()}
	})
}

func (h *handler) onGetStateSummary(m *subsystem.Message, q *vmv1.GetStateSummary) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.GetStateSummaryResponse{Error: e} })
	syncCall(h, m, "GetStateSummary", fail, func(ctx context.Context, c pluginv1.StateSyncServiceClient) (*pluginv1.GetStateSummaryResponse, error) {
		return c.GetStateSummary(ctx, &pluginv1.GetStateSummaryRequest{Height: q.GetHeight()})
	}, func(r *pluginv1.GetStateSummaryResponse) proto.Message {
		return &vmv1.GetStateSummaryResponse{Error: r.GetError(), Summary: r.GetSummary()}
	})
}

func (h *handler) onAcceptStateSummary(m *subsystem.Message, q *vmv1.AcceptStateSummary) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.AcceptStateSummaryResponse{Error: e} })
	syncCall(h, m, "AcceptStateSummary", fail, func(ctx context.Context, c pluginv1.StateSyncServiceClient) (*pluginv1.AcceptStateSummaryResponse, error) {
		return c.AcceptStateSummary(ctx, &pluginv1.AcceptStateSummaryRequest{Content: q.GetContent()})
	}, func(r *pluginv1.AcceptStateSummaryResponse) proto.Message {
		return &vmv1.AcceptStateSummaryResponse{Error: r.GetError(), Mode: r.GetMode()}
	})
}

// runtimeCall passes a parachain question on, beside the block calls.
func runtimeCall[R proto.Message](h *handler, what string, fail func(*vmv1.Error), call func(context.Context, pluginv1.ParachainRuntimeServiceClient) (R, error), then func(R)) {
	g := h.gen
	switch {
	case g == nil:
		fail(h.unavailable())
		return
	case !h.able(vmsdk.CapabilityParachainRuntime):
		fail(lacks(vmsdk.CapabilityParachainRuntime))
		return
	}
	limit := h.cfg.Limits.AppCall
	taken := h.reads.add(task{run: func(done func()) {
		subsystem.Offload(h.sub, func() (R, error) {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			return call(ctx, g.runtime)
		}, func(r R, err error) {
			if err == nil {
				then(r)
			} else {
				reason := what + " failed: " + status.Convert(err).Message()
				h.replace(g, reason, status.Code(err) == codes.DeadlineExceeded)
				fail(unavailable(reason, h.cfg.Limits.RestartMin))
			}
			done()
		})
	}})
	if !taken {
		fail(busy())
	}
}

func (h *handler) onQueryRuntime(m *subsystem.Message, q *vmv1.QueryRuntime) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.QueryRuntimeResponse{Error: e} })
	runtimeCall(h, "QueryRuntime", fail, func(ctx context.Context, c pluginv1.ParachainRuntimeServiceClient) (*pluginv1.QueryRuntimeResponse, error) {
		return c.QueryRuntime(ctx, &pluginv1.QueryRuntimeRequest{BlockId: q.GetVmBlockId(), Request: q.GetRequest()})
	}, func(r *pluginv1.QueryRuntimeResponse) {
		m.Reply(&vmv1.QueryRuntimeResponse{Error: r.GetError(), Response: r.GetResponse()})
	})
}

func (h *handler) onCheckInherent(m *subsystem.Message, q *vmv1.CheckInherent) {
	fail := answer(m, func(e *vmv1.Error) proto.Message { return &vmv1.CheckInherentResponse{Error: e} })
	runtimeCall(h, "CheckInherent", fail, func(ctx context.Context, c pluginv1.ParachainRuntimeServiceClient) (*pluginv1.CheckInherentResponse, error) {
		return c.CheckInherent(ctx, &pluginv1.CheckInherentRequest{BlockId: q.GetVmBlockId(), Inherent: q.GetInherent()})
	}, func(r *pluginv1.CheckInherentResponse) {
		m.Reply(&vmv1.CheckInherentResponse{Error: r.GetError(), Usable: r.GetUsable()})
	})
}
