package vmhost

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/launch"
)

// supervisor remembers how the plugin has fared.
type supervisor struct {
	state    vmv1.PluginState
	since    time.Time
	cause    string
	starts   uint64
	restarts uint32
	history  supervise.History
	stopping bool
}

// hopeless: nobody starts a plugin any more, unless asked to.
func (s *supervisor) hopeless() bool {
	return s.stopping || s.state == vmv1.PluginState_PLUGIN_STATE_DEGRADED
}

func (h *handler) enter(state vmv1.PluginState) {
	h.supervisor.state, h.supervisor.since = state, h.sub.Now()
	if h.http != nil {
		h.http.explain(h.supervisor.cause)
	}
}

// know copies what a plugin must be told.
func (h *handler) know() knowledge {
	k := knowledge{state: h.state, logLevel: h.logLevel}
	for node, version := range h.apps.peers {
		k.peers = append(k.peers, peer{node, version})
	}
	slices.SortFunc(k.peers, func(a, b peer) int { return a.node.Compare(b.node) })
	for _, u := range h.processing {
		k.processing = append(k.processing, u)
	}
	slices.SortFunc(k.processing, func(a, b *undecided) int {
		if a.block.GetHeight() != b.block.GetHeight() {
			return int(int64(a.block.GetHeight()) - int64(b.block.GetHeight()))
		}
		return int(int64(a.order) - int64(b.order))
	})
	return k
}

// startFirst launches the first plugin, while nothing else is to be done yet.
func (h *handler) startFirst() error {
	h.supervisor.starts++
	h.enter(vmv1.PluginState_PLUGIN_STATE_STARTING)
	g, err := h.launch(h.supervisor.starts, h.know())
	if errors.Is(err, launch.ErrPermanent) {
		return err
	}
	h.started(g, err)
	return nil
}

// start launches another one.
func (h *handler) start() {
	if h.supervisor.stopping || h.gen != nil || h.supervisor.state == vmv1.PluginState_PLUGIN_STATE_STARTING {
		return
	}
	h.supervisor.starts++
	h.supervisor.restarts++
	h.enter(vmv1.PluginState_PLUGIN_STATE_STARTING)
	number, know := h.supervisor.starts, h.know()
	subsystem.Offload(h.sub, func() (*generation, error) { return h.launch(number, know) }, h.started)
}

// started takes a new plugin into use.
func (h *handler) started(g *generation, err error) {
	if err != nil {
		h.died(err.Error())
		return
	}
	if h.supervisor.stopping {
		g.plugin.Kill()
		return
	}
	if g.dead {
		h.died("the plugin ended right after its start")
		return
	}
	for _, id := range g.lost {
		h.sub.Log.Warn("the VM refuses a block that it had verified before it was started again", "block", id)
		delete(h.processing, id)
	}
	h.gen = g
	h.enter(vmv1.PluginState_PLUGIN_STATE_RUNNING)
	if h.http != nil {
		h.http.serve(g.handlers, g.vm)
	}
	h.sub.Log.Info("the VM is running", "name", g.about.GetName(), "version", g.about.GetVersion(), "pid", g.plugin.PID(), "generation", g.number)
	h.catchUp(g)
	h.pump()
	h.apps.arm(g)
	h.apps.lane.pump()
}

// catchUp tells a plugin what has changed while it was starting.
func (h *handler) catchUp(g *generation) {
	for _, p := range h.know().peers {
		if _, met := g.met[p.node]; !met {
			h.apps.connected(g, p)
		}
		delete(g.met, p.node)
	}
	gone := slices.SortedFunc(maps.Keys(g.met), primitives.NodeID.Compare)
	for _, node := range gone {
		h.apps.disconnected(g, node)
	}
	if level := h.logLevel; level != g.logLevel {
		h.call(func(ctx context.Context) error {
			_, err := g.vm.SetLogLevel(ctx, &pluginv1.SetLogLevelRequest{Level: level})
			return err
		})
	}
}

// exited is told by the port that a plugin has ended.
func (h *handler) exited(g *generation, cause error) {
	g.dead = true
	g.db.Close()
	h.apps.release(g)
	if h.gen != g {
		return // noticed already, or it never got so far
	}
	h.gen = nil
	reason := "the plugin ended"
	if cause != nil {
		reason = fmt.Sprintf("the plugin ended: %v", cause)
	}
	h.died(reason)
}

// replace ends a plugin that can't be trusted any more, and starts another.
func (h *handler) replace(g *generation, reason string, dump bool) {
	if h.gen != g {
		return
	}
	h.gen = nil
	h.sub.Log.Error("the plugin is replaced", "reason", reason, "pid", g.plugin.PID())
	subsystem.Offload(h.sub, func() (struct{}, error) {
		if dump {
			g.plugin.Dump()
		}
		g.plugin.Kill()
		return struct{}{}, nil
	}, func(struct{}, error) { h.died(reason) })
}

// died decides what follows a death: another start after a pause, or the breaker.
func (h *handler) died(reason string) {
	if h.supervisor.stopping {
		return
	}
	h.supervisor.cause = reason
	verdict := h.supervisor.history.Died(h.sub.Now(), h.sub.Rand().Float64())
	h.events.forget()
	if h.http != nil {
		h.http.down()
	}
	if verdict.Quarantine {
		h.supervisor.cause = fmt.Sprintf("the plugin died %d times within %v, last: %s",
			h.cfg.Limits.CrashLoop, h.cfg.Limits.CrashWindow, reason)
		h.enter(vmv1.PluginState_PLUGIN_STATE_DEGRADED)
		h.sub.Log.Error("the chain is degraded: its VM isn't started again", "cause", h.supervisor.cause)
		h.blocks.clear(h.unavailable())
		return
	}
	h.enter(vmv1.PluginState_PLUGIN_STATE_WAITING)
	h.sub.Log.Warn("the VM will be started again", "cause", reason, "pause", verdict.Delay)
	h.sub.After(verdict.Delay, h.start)
}

// maxMisses pings in a row without an answer are a hang. One is not: this process itself may have been held up.
const maxMisses = 2

// ping finds a plugin that is stopped or stuck where no call is under way.
func (h *handler) ping() {
	g := h.gen
	if g == nil || g.plugin.PID() == 0 || g.pinging {
		return
	}
	g.pinging = true
	limit := h.cfg.Limits.Silence
	subsystem.Offload(h.sub, func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		_, err := g.vm.Ping(ctx, &pluginv1.PingRequest{})
		return struct{}{}, err
	}, func(_ struct{}, err error) {
		g.pinging = false
		switch {
		case err == nil:
			g.misses = 0
		case status.Code(err) == codes.DeadlineExceeded:
			if g.misses++; g.misses == maxMisses {
				h.replace(g, fmt.Sprintf("the plugin hasn't answered %d pings of %v", maxMisses, limit), true)
				return
			}
			h.ping()
		}
	})
}

// call makes a call whose outcome changes nothing here.
func (h *handler) call(f func(ctx context.Context) error) {
	limit := h.cfg.Limits.AppCall
	subsystem.Offload(h.sub, func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		return struct{}{}, f(ctx)
	}, func(_ struct{}, err error) {
		if err != nil {
			h.sub.Log.Debug("a call to the plugin failed", "error", err)
		}
	})
}

// unavailable says why there is no VM now.
func (h *handler) unavailable() *pluginv1.Error {
	if h.supervisor.hopeless() {
		return unavailable(h.supervisor.cause, 0)
	}
	return unavailable(h.supervisor.cause, h.cfg.Limits.RestartMin)
}
