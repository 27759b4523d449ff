package vmhost

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
)

// admin answers operators' tools.
type admin struct {
	sub  *subsystem.Sub
	life *life
	// level is what the plugin logs from; a new one is told it too.
	level int32
}

func (a *admin) handle(m *subsystem.Message) bool {
	switch body := m.Body.(type) {
	case *vmv1.Version:
		a.onVersion(m)
	case *pluginv1.SetLogLevelRequest:
		a.onSetLogLevel(m, body)
	case *vmv1.RestartPlugin:
		a.onRestartPlugin(m, body)
	default:
		return false
	}
	return true
}

func (a *admin) onVersion(m *subsystem.Message) {
	g := a.life.gen
	if g == nil {
		refuse(m, a.life.unavailable())
		return
	}
	m.Reply(&vmv1.VersionResponse{
		Name: g.about.GetName(), Version: g.about.GetVersion(), Protocol: 1, Capabilities: g.about.GetCapabilities(),
	})
}

func (a *admin) onSetLogLevel(m *subsystem.Message, r *pluginv1.SetLogLevelRequest) {
	a.level = r.GetLevel()
	if g := a.life.gen; g != nil {
		a.setLevel(g)
	}
	m.Reply(&pluginv1.SetLogLevelResponse{})
}

// setLevel tells a plugin its level; it goes on when that fails.
func (a *admin) setLevel(g *generation) {
	g.logLevel = a.level
	request := &pluginv1.SetLogLevelRequest{Level: a.level}
	subsystem.Offload(a.sub, func() (struct{}, error) {
		ctx, cancel := context.WithTimeout(context.Background(), a.life.limits.AppCall)
		defer cancel()
		_, err := g.vm.SetLogLevel(ctx, request)
		return struct{}{}, err
	}, func(_ struct{}, err error) {
		if err != nil {
			a.sub.Log.Debug("the plugin doesn't take its log level", "err", err)
		}
	})
}

// up tells a plugin the level if it has changed since the plugin was started.
func (a *admin) up(g *generation) {
	if g.logLevel != a.level {
		a.setLevel(g)
	}
}

// onRestartPlugin also closes the breaker again, and has the new plugin shown what others died on.
func (a *admin) onRestartPlugin(m *subsystem.Message, r *vmv1.RestartPlugin) {
	reason := "an operator asked for a restart"
	if r.GetReason() != "" {
		reason += ": " + r.GetReason()
	}
	a.life.events.mended()
	a.life.restart(reason)
	m.Reply(&vmv1.RestartPluginResponse{Expected: durationpb.New(500 * time.Millisecond)})
}
