package vmhost_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

func TestWhatTheVMComplainsOfIsACheckUntilItIsWellAgain(t *testing.T) {
	h := start(t)
	h.Advance(10 * time.Second)
	if cause := h.Trouble("vm"); cause != "" {
		t.Fatalf("a VM that is well: %s", cause)
	}
	h.vm().ill = errors.New("my index is broken")
	h.Advance(10 * time.Second)
	if cause := h.Trouble("vm"); cause != "my index is broken" || h.Status().GetReady() {
		t.Errorf("a VM that is ill: %q", cause)
	}
	asked := overseertest.Must[*pluginv1.HealthCheckResponse](t, h.Ask("gateway", &pluginv1.HealthCheckRequest{}))
	if asked.GetHealthy() || asked.GetCause() != "my index is broken" {
		t.Errorf("who asks hears %v", asked)
	}
	h.extend(0, "a", "1") // it goes on being used
	h.vm().ill = nil
	h.Advance(10 * time.Second)
	if cause := h.Trouble("vm"); cause != "" || !h.Status().GetReady() {
		t.Errorf("a VM that is well again: %s", cause)
	}
}

func TestAComplaintEndsWithThePluginThatMadeIt(t *testing.T) {
	h := start(t)
	h.vm().ill = errors.New(strings.Repeat("very ill ", 1000))
	h.Advance(10 * time.Second)
	if cause := h.Trouble("vm"); !strings.HasPrefix(cause, "very ill") || len(cause) > 2000 {
		t.Fatalf("the complaint is %q", cause)
	}
	h.refuse = errors.New("not now")
	h.plugins[0].kill()
	h.Step()
	if cause := h.Trouble("vm"); !strings.Contains(cause, "isn't running") {
		t.Errorf("without a VM: %q", cause)
	}
	h.refuse = nil
	h.Advance(10 * time.Second)
	if cause := h.Trouble("vm"); cause != "" {
		t.Errorf("of the next VM: %q", cause)
	}
}
