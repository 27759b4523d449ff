package vmhost

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// method is a method of one of the plugin's services, as the interface of its client has it.
type method[C any, Q, R proto.Message] func(c C, ctx context.Context, request Q, options ...grpc.CallOption) (R, error)

// lacks tells whether the running VM is without a capability. Without a VM the call waits like any other.
func (h *handler) lacks(capability string) bool {
	return h.gen != nil && !slices.Contains(h.gen.about.GetCapabilities(), capability)
}

func unimplemented(capability string) *pluginv1.Error {
	return vmsdk.ErrorToProto(&vmsdk.UnimplementedError{What: capability})
}

// askSync passes a state-sync question on, in turn with the block calls.
func askSync[Q, R proto.Message](h *handler, m *subsystem.Message, request Q, call method[pluginv1.StateSyncServiceClient, Q, R]) {
	if h.lacks(vmsdk.CapabilityStateSync) {
		refuse(m, unimplemented(vmsdk.CapabilityStateSync))
		return
	}
	h.enqueue(m, &question[R]{m: m, ask: func(ctx context.Context, g *generation) (R, error) { return call(g.sync, ctx, request) }})
}

// onStateSyncEnabled: a VM without the capability doesn't want to sync.
func (h *handler) onStateSyncEnabled(m *subsystem.Message, r *pluginv1.StateSyncEnabledRequest) {
	if h.lacks(vmsdk.CapabilityStateSync) {
		m.Reply(&pluginv1.StateSyncEnabledResponse{})
		return
	}
	askSync(h, m, r, pluginv1.StateSyncServiceClient.StateSyncEnabled)
}

// askRuntime passes a parachain question on, beside the block calls.
func askRuntime[Q, R proto.Message](h *handler, m *subsystem.Message, request Q, call method[pluginv1.ParachainRuntimeServiceClient, Q, R]) {
	g, limit := h.gen, h.cfg.Limits.AppCall
	switch {
	case g == nil:
		refuse(m, h.unavailable())
		return
	case h.lacks(vmsdk.CapabilityParachainRuntime):
		refuse(m, unimplemented(vmsdk.CapabilityParachainRuntime))
		return
	}
	taken := h.reads.add(task{run: func(done func()) {
		subsystem.Offload(h.sub, func() (R, error) {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			return call(g.runtime, ctx, request)
		}, func(r R, err error) {
			if err == nil {
				m.Reply(r)
			} else {
				reason := nameOf(request) + " failed: " + status.Convert(err).Message()
				h.replace(g, reason, status.Code(err) == codes.DeadlineExceeded)
				refuse(m, unavailable(reason, h.cfg.Limits.RestartMin))
			}
			done()
		})
	}})
	if !taken {
		refuse(m, busy())
	}
}
