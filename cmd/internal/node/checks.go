package node

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/reevenet/reeve/cmd/internal/gateway"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/services"
)

// checks judges a picture: one check per process, one for the plugin, and those of the engine.
func checks(p *picture) []gateway.Check {
	list := []gateway.Check{{Name: "overseer", OK: true}}
	add := func(name, cause string) {
		list = append(list, gateway.Check{Name: name, OK: cause == "", Cause: cause})
	}
	for _, q := range services.Parts() {
		cause := ""
		if err := p.errs[q.Spec.Name]; err != nil {
			cause = err.Error()
		}
		add(q.Name(), cause)
	}
	add("plugin", pluginCause(p.vm))
	add("signer", signerCause(p.keystore))
	if p.engine == nil {
		return list
	}
	add("chain", stageCause(p.engine))
	for _, c := range p.engine.GetChecks() {
		add("engine-"+c.GetName(), c.GetCause())
	}
	return list
}

func pluginCause(s *vmv1.QueryStatusResponse) string {
	switch {
	case s == nil:
		return "its host doesn't answer"
	case s.GetState() != vmv1.PluginState_PLUGIN_STATE_RUNNING:
		return strings.TrimSpace(pluginState(s.GetState()) + " " + s.GetCause())
	}
	return ""
}

func signerCause(s *keystorev1.StatusResponse) string {
	switch {
	case s == nil:
		return "the keystore doesn't answer"
	case s.GetState() != keystorev1.StatusResponse_STATE_READY:
		return strings.TrimSpace(strings.ToLower(strings.TrimPrefix(s.GetState().String(), "STATE_")) + " " + s.GetLastError())
	}
	return ""
}

func stageCause(s *enginev1.QueryStatusResponse) string {
	switch s.GetStage() {
	case enginev1.Stage_STAGE_NORMAL:
		return ""
	case enginev1.Stage_STAGE_CATCHING_UP:
		return fmt.Sprintf("catching up: at height %d of %d", s.GetHeight(), s.GetNetworkHeight())
	case enginev1.Stage_STAGE_HALTED:
		return "halted: the VM refused what consensus had decided"
	}
	return "starting"
}

// pluginState is the word for a plugin's state that tables use, the same as for other processes.
func pluginState(s vmv1.PluginState) string {
	switch s {
	case vmv1.PluginState_PLUGIN_STATE_RUNNING:
		return "running"
	case vmv1.PluginState_PLUGIN_STATE_WAITING:
		return "backing-off"
	case vmv1.PluginState_PLUGIN_STATE_DEGRADED:
		return "quarantined"
	case vmv1.PluginState_PLUGIN_STATE_STOPPED:
		return "stopped"
	}
	return "starting"
}

// since remembers when each check became what it is.
type since struct {
	mu    sync.Mutex
	known map[string]gateway.Check
}

// stamp fills in when each check became what it is now.
func (s *since) stamp(now time.Time, list []gateway.Check) []gateway.Check {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range list {
		if before, ok := s.known[c.Name]; ok && before.OK == c.OK {
			list[i].Since = before.Since
		} else {
			list[i].Since = now
		}
		s.known[c.Name] = list[i]
	}
	return list
}
