package engine

import (
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/reevenet/reeve/internal/core/snowman"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// status answers at once, whatever the VM does.
func (e *engine) status() *enginev1.QueryStatusResponse {
	r := &enginev1.QueryStatusResponse{Stage: e.stage, Peers: uint32(len(e.peers.connected)), TotalStake: e.cfg.Validators.TotalStake(), Parameters: e.cfg.Parameters.String()}
	var s snowman.Status
	if e.driver.started() {
		s = e.driver.core.Status()
		if s.CatchingUp && e.stage == enginev1.Stage_STAGE_NORMAL {
			r.Stage = enginev1.Stage_STAGE_CATCHING_UP
		}
		r.LastAccepted, r.Height, r.Preferred = s.LastAccepted.ID[:], s.LastAccepted.Height, s.Preferred[:]
		r.Processing, r.Waiting, r.Polls = uint32(s.Processing), uint32(s.Waiting), uint32(s.Polls)
		r.Validators, r.ConnectedStake = uint32(s.Validators), s.ConnectedStake
		if s.NetworkHeight > s.LastAccepted.Height {
			r.NetworkHeight = s.NetworkHeight
		}
	}
	r.Requests = uint32(s.Requests)
	r.Checks = e.checks(s)
	return r
}

func (e *engine) checks(s snowman.Status) []*enginev1.HealthCheck {
	p := e.cfg.Parameters
	undecided := e.undecidedFor()
	return []*enginev1.HealthCheck{
		e.check("vm", e.host.trouble),
		e.check("connected-stake", when(e.driver.started() && !s.EnoughStake, "connected to %d of %d stake, which is too little to decide anything", s.ConnectedStake, s.TotalStake)),
		e.check("voting", when(e.driver.started() && !s.Votes, "it doesn't vote yet: it has to hear first what was under way when it stopped")),
		e.check("processing-count", when(s.Processing >= p.MaxOutstandingItems, "%d blocks are undecided", s.Processing)),
		e.check("processing-time", when(undecided > p.MaxItemProcessingTime.Seconds(), "nothing was decided for %.0f s", undecided)),
		e.check("catching-up", when(s.CatchingUp, "at height %d of %d", s.LastAccepted.Height, s.NetworkHeight)),
	}
}

func (e *engine) undecidedFor() float64 {
	if !e.driver.started() {
		return 0
	}
	return e.driver.core.UndecidedFor(e.sub.Now()).Seconds()
}

func when(unwell bool, cause string, args ...any) string {
	if !unwell {
		return ""
	}
	return fmt.Sprintf(cause, args...)
}

// check keeps since when each check has been as it is.
func (e *engine) check(name, cause string) *enginev1.HealthCheck {
	h := e.health[name]
	if h == nil || h.GetHealthy() != (cause == "") {
		h = &enginev1.HealthCheck{Name: name, Healthy: cause == "", Since: timestamppb.New(e.sub.Now())}
		e.health[name] = h
	}
	h.Cause = cause
	return h
}
