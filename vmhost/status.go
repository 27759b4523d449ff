package vmhost

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/process/supervise"
	"github.com/reevenet/reeve/overseer/subsystem"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// Status says how the plugin and the chain's blocks are, from what the host knows: the plugin isn't asked.
func (h *handler) Status(s *subsystem.Status) {
	h.ofDisk(s)
	if h.life == nil {
		return
	}
	cause := ""
	if h.life.state != supervise.Running {
		cause = strings.TrimSpace(string(h.life.state) + " " + h.life.cause)
	}
	s.Check("plugin", cause)
	s.Check("vm", h.health.complaint())
	s.Check("socket", h.socket)
	plugin := &statusv1.Process{
		Name: "plugin", Instance: h.cfg.Chain, Restarts: uint64(h.life.restarts), State: string(h.life.state),
		Since: timestamppb.New(h.life.since), Cause: h.life.cause,
	}
	if g := h.life.gen; g != nil {
		plugin.Pid = int64(g.plugin.PID())
		s.Text("vm", g.about.GetName()+" "+g.about.GetVersion())
		if guard := g.plugin.Guard(); guard != "" {
			s.Text("plugin-confined", guard)
		}
	}
	if f := h.life.ran; f.SHA256 != "" {
		s.Text("plugin-sha256", f.SHA256)
		s.Text("plugin-modified", f.Modified.UTC().Format(time.DateTime))
	}
	if h.life.replaced != "" {
		s.Text("plugin-replaced", h.life.replaced)
	}
	s.Process(plugin)
	s.Text("chain-state", strings.ToLower(strings.TrimPrefix(h.stages.state.String(), "CHAIN_STATE_")))
	if last := h.blocks.store.Last(); last != nil {
		s.Number("committed-height", int64(last.Height))
		s.Text("committed-block", last.VMBlock.String())
	}
	s.Number("processing", int64(len(h.blocks.processing)))
	s.Number("queued", int64(len(h.blocks.queue.jobs)))
	s.Number("suspects", int64(len(h.blocks.queue.suspects.known)))
	s.Number("starts", int64(h.life.starts))
}

// ofDisk says how the disk under the chain's database is.
func (h *handler) ofDisk(s *subsystem.Status) {
	fault := ""
	if h.disk.Fault != nil {
		fault = h.disk.Fault.Error()
	}
	s.Check("database", fault)
	s.Check("disk", h.disk.Warning)
}
