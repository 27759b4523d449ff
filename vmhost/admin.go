package vmhost

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/process/proc"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// healthLimit is how long the VM may think about its health.
const healthLimit = 2 * time.Second

// onHealthCheck asks the VM beside its block calls; without a VM it answers at once.
func (h *handler) onHealthCheck(m *subsystem.Message, r *pluginv1.HealthCheckRequest) {
	g := h.gen
	if g == nil {
		m.Reply(&pluginv1.HealthCheckResponse{Cause: h.supervisor.cause})
		return
	}
	ok := h.reads.add(task{run: func(done func()) {
		subsystem.Offload(h.sub, func() (*pluginv1.HealthCheckResponse, error) {
			ctx, cancel := context.WithTimeout(context.Background(), healthLimit)
			defer cancel()
			return g.vm.HealthCheck(ctx, r)
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

func (h *handler) onVersion(m *subsystem.Message) {
	g := h.gen
	if g == nil {
		refuse(m, h.unavailable())
		return
	}
	m.Reply(&vmv1.VersionResponse{
		Name: g.about.GetName(), Version: g.about.GetVersion(), Protocol: 1, Capabilities: g.about.GetCapabilities(),
	})
}

func (h *handler) onQueryStatus(m *subsystem.Message) {
	s := &vmv1.QueryStatusResponse{
		State: h.supervisor.state, Since: timestamppb.New(h.supervisor.since), Cause: h.supervisor.cause,
		Restarts: h.supervisor.restarts, Generation: h.supervisor.starts,
		ChainState: h.state, Processing: uint32(len(h.processing)), Queued: uint32(len(h.blocks.jobs)),
	}
	if g := h.gen; g != nil {
		pid := g.plugin.PID()
		s.Pid, s.Name, s.Version = int32(pid), g.about.GetName(), g.about.GetVersion()
		if pid > 0 {
			s.ResidentBytes = proc.Resident(pid)
		}
	}
	if last := h.record.Last(); last != nil {
		s.LastAccepted = &pluginv1.BlockRef{Id: last.VMBlock[:], Height: last.Height}
	}
	m.Reply(s)
}

func (h *handler) onSetLogLevel(m *subsystem.Message, r *pluginv1.SetLogLevelRequest) {
	h.logLevel = r.GetLevel()
	if g := h.gen; g != nil {
		h.call(func(ctx context.Context) error {
			_, err := g.vm.SetLogLevel(ctx, r)
			return err
		})
	}
	m.Reply(&pluginv1.SetLogLevelResponse{})
}

// onRestartPlugin also closes the breaker again.
func (h *handler) onRestartPlugin(m *subsystem.Message, r *vmv1.RestartPlugin) {
	h.supervisor.history.Reset()
	reason := "an operator asked for a restart"
	if r.GetReason() != "" {
		reason += ": " + r.GetReason()
	}
	switch {
	case h.gen != nil:
		h.replace(h.gen, reason, false)
	case h.supervisor.state == vmv1.PluginState_PLUGIN_STATE_DEGRADED:
		h.supervisor.cause = reason
		h.enter(vmv1.PluginState_PLUGIN_STATE_WAITING)
		h.start()
	}
	m.Reply(&vmv1.RestartPluginResponse{Expected: durationpb.New(500 * time.Millisecond)})
}
