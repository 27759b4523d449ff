package vmhost

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// healthEvery is how often the VM is asked whether it is well, and healthLimit how long it may think about that: what
// it complains of is a failed check of the node within ten seconds.
const (
	healthEvery = 4 * time.Second
	healthLimit = 5 * time.Second
)

// health asks the VM how it is, beside its block calls, and knows what it said last. A VM that is ill goes on being
// asked to build and judge: what is to be done about its complaint is for people.
type health struct {
	sub  *subsystem.Sub
	life *life

	asking bool
	next   time.Time // before that it isn't asked again
	// of is the plugin that has said cause.
	of    *generation
	cause string
}

func (h *health) handle(m *subsystem.Message) bool {
	if _, ok := m.Body.(*pluginv1.HealthCheckRequest); !ok {
		return false
	}
	cause := h.complaint()
	m.Reply(&pluginv1.HealthCheckResponse{Healthy: cause == "", Cause: cause})
	return true
}

// complaint is what is wrong with the VM; empty: nothing, or it hasn't been asked yet.
func (h *health) complaint() string {
	switch g := h.life.gen; {
	case g == nil:
		return "the VM isn't running: " + h.life.cause
	case g == h.of:
		return h.cause
	}
	return ""
}

// tick asks when it is time.
func (h *health) tick() {
	g, now := h.life.gen, h.sub.Now()
	if g == nil || h.asking || g == h.of && now.Before(h.next) {
		return
	}
	h.asking, h.next = true, now.Add(healthEvery)
	subsystem.Offload(h.sub, func() (*pluginv1.HealthCheckResponse, error) {
		ctx, cancel := context.WithTimeout(context.Background(), healthLimit)
		defer cancel()
		return g.vm.HealthCheck(ctx, &pluginv1.HealthCheckRequest{})
	}, func(a *pluginv1.HealthCheckResponse, err error) {
		h.asking = false
		h.heard(g, healthCause(a, err))
	})
}

func healthCause(a *pluginv1.HealthCheckResponse, err error) string {
	switch code := status.Code(err); {
	case code == codes.Unimplemented, err == nil && a.GetHealthy():
		return ""
	case code == codes.DeadlineExceeded:
		return "the VM didn't say within " + healthLimit.String() + " how it is"
	case err != nil:
		return "the VM didn't say how it is: " + inWords(err)
	case a.GetCause() == "":
		return "the VM says that it isn't healthy, and not why"
	}
	return clip(a.GetCause(), mostCause)
}

// mostCause bounds a VM's complaint, in bytes.
const mostCause = 1024

// clip leaves no half of a character at the end, which couldn't be encoded.
func clip(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// heard logs what has changed.
func (h *health) heard(g *generation, cause string) {
	if g.dead || h.life.gen != g {
		return
	}
	before := h.complaint()
	h.of, h.cause = g, cause
	switch {
	case cause != "" && before == "":
		h.sub.Log.Warn("the VM isn't well", "err", cause)
	case cause == "" && before != "":
		h.sub.Log.Info("the VM is well again")
	}
}
