package vmhost

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// askRuntime passes a parachain question on, beside the block calls.
func askRuntime[Q, R proto.Message](r *reads, m *subsystem.Message, request Q,
	call method[pluginv1.ParachainRuntimeServiceClient, Q, R]) {
	g, limit, trace := r.life.gen, r.life.limits.AppCall, r.sub.Traceparent()
	switch {
	case g == nil:
		refuse(m, r.life.unavailable())
		return
	case r.life.lacks(vmsdk.CapabilityParachainRuntime):
		refuse(m, unimplemented(vmsdk.CapabilityParachainRuntime))
		return
	}
	taken := r.lane.add(task{run: func(done func()) {
		subsystem.Offload(r.sub, func() (R, error) {
			ctx, cancel := context.WithTimeout(intercept.Continue(context.Background(), trace), limit)
			defer cancel()
			return call(g.runtime, ctx, request)
		}, func(answer R, err error) {
			if err == nil {
				m.Reply(answer)
			} else {
				refuse(m, unavailable(r.life.failed(g, nameOf(request), err), r.life.limits.RestartMin))
			}
			done()
		})
	}})
	if !taken {
		refuse(m, busy())
	}
}
