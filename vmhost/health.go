package vmhost

import (
	"context"
	"time"

	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// healthLimit is how long the VM may think about its health.
const healthLimit = 2 * time.Second

// onHealthCheck asks the VM beside its block calls; without a VM it answers at once.
func (r *reads) onHealthCheck(m *subsystem.Message, q *pluginv1.HealthCheckRequest) {
	g := r.life.gen
	if g == nil {
		m.Reply(&pluginv1.HealthCheckResponse{Cause: r.life.cause})
		return
	}
	ok := r.lane.add(task{run: func(done func()) {
		subsystem.Offload(r.sub, func() (*pluginv1.HealthCheckResponse, error) {
			ctx, cancel := context.WithTimeout(context.Background(), healthLimit)
			defer cancel()
			return g.vm.HealthCheck(ctx, q)
		}, func(a *pluginv1.HealthCheckResponse, err error) {
			if err != nil {
				a = &pluginv1.HealthCheckResponse{Cause: "the VM doesn't say: " + err.Error()}
			}
			m.Reply(a)
			done()
		})
	}})
	if !ok {
		m.Reply(&pluginv1.HealthCheckResponse{Cause: "too many questions wait"})
	}
}
