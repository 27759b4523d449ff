package provisioner

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
	provisionerv1 "github.com/reevenet/reeve/proto/reeve/provisioner/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

const (
	// trialTimeout is how long the dry run may take: an author waits two seconds.
	trialTimeout = 1700 * time.Millisecond
	// maxAuthors may wait for one dry run.
	maxAuthors = 64
)

// trial is the dry run of what a leaf has. Its outcome holds until something new comes, as the state that it is made
// against never changes.
type trial struct {
	outcome *provisionerv1.RequestInherentDataResponse // of all that there is; nil: there is none yet
	running bool
	again   bool                 // something has come since it began
	waiting []*subsystem.Message // for one that begins now or later
}

func (t *trial) stale() { t.outcome, t.again = nil, true }

var nothing = &provisionerv1.InherentData{}

func (p *provisioner) onRequestInherentData(m *subsystem.Message, r *provisionerv1.RequestInherentData) {
	j, active := p.jobs.Get(r.GetRelayParent())
	switch {
	case !active:
		m.Reply(&provisionerv1.RequestInherentDataResponse{
			Inherent: nothing, Shortfall: provisionerv1.RequestInherentDataResponse_SHORTFALL_RELAY_PARENT_INACTIVE,
		})
	case len(j.arrived) == 0:
		m.Reply(&provisionerv1.RequestInherentDataResponse{Inherent: nothing})
	case j.trial.outcome != nil:
		m.Reply(j.trial.outcome)
	case len(j.trial.waiting) >= maxAuthors:
		m.Fail(subsystem.Failf(subsystem.Overloaded, "%d wait for the inherent of this leaf already", maxAuthors))
	default:
		j.trial.waiting = append(j.trial.waiting, m)
		if !j.trial.running {
			p.try(j)
		}
	}
}

// try has the VM try what a leaf has. Who asks meanwhile waits for the same outcome: an author wants an answer
// soon more than he wants the last piece.
func (p *provisioner) try(j *job) {
	j.trial.running, j.trial.again = true, false
	offered, there := j.offered(), j.count()
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(offered)
	if err != nil {
		p.tried(j, fellShort(provisionerv1.RequestInherentDataResponse_SHORTFALL_PARTS_REFUSED))
		return
	}
	q := &pluginv1.CheckInherentRequest{BlockId: j.hash[:], Inherent: bytes}
	subsystem.Ask(p.vm, q, trialTimeout, func(r *pluginv1.CheckInherentResponse, err error) {
		p.tried(j, p.judge(offered, there, r, err))
	})
}

func fellShort(s provisionerv1.RequestInherentDataResponse_Shortfall) *provisionerv1.RequestInherentDataResponse {
	return &provisionerv1.RequestInherentDataResponse{Inherent: nothing, Shortfall: s}
}

// judge is what the author is told, of how many pieces there were. Without the VM's word nothing goes in.
func (p *provisioner) judge(offered *provisionerv1.InherentData, there int, r *pluginv1.CheckInherentResponse,
	err error) *provisionerv1.RequestInherentDataResponse {
	usable := &provisionerv1.InherentData{}
	switch {
	case subsystem.CodeOf(err) == subsystem.TimedOut:
		p.trouble = "the VM doesn't finish the dry run of an inherent in time: " + err.Error()
		return fellShort(provisionerv1.RequestInherentDataResponse_SHORTFALL_OUT_OF_TIME)
	case err != nil:
		p.trouble = err.Error()
		return fellShort(provisionerv1.RequestInherentDataResponse_SHORTFALL_RUNTIME_UNAVAILABLE)
	case r.GetError().GetInvalidBlock() != nil:
		p.trouble = ""
		p.sub.Log.Warn("the VM refuses all of an inherent", "err", r.GetError().GetInvalidBlock().GetReason())
		return fellShort(provisionerv1.RequestInherentDataResponse_SHORTFALL_PARTS_REFUSED)
	case r.GetError() != nil:
		p.trouble = r.GetError().String()
		return fellShort(provisionerv1.RequestInherentDataResponse_SHORTFALL_RUNTIME_UNAVAILABLE)
	}
	if err := proto.Unmarshal(r.GetUsable(), usable); err != nil || parts(usable) > parts(offered) {
		p.trouble = "the VM's dry run gives something else than it was given"
		return fellShort(provisionerv1.RequestInherentDataResponse_SHORTFALL_RUNTIME_UNAVAILABLE)
	}
	p.trouble = ""
	answer := &provisionerv1.RequestInherentDataResponse{Inherent: usable}
	if left := there - parts(usable); left > 0 {
		p.refused += int64(left)
		answer.Shortfall = provisionerv1.RequestInherentDataResponse_SHORTFALL_PARTS_REFUSED
	}
	return answer
}

func parts(d *provisionerv1.InherentData) int {
	return len(d.GetBitfields()) + len(d.GetBackedCandidates()) + len(d.GetMisbehaviorReports()) + len(d.GetDisputes())
}

// tried answers all who wait, and keeps the outcome if it is of all that there is and of the VM's making.
func (p *provisioner) tried(j *job, outcome *provisionerv1.RequestInherentDataResponse) {
	waiting := j.trial.waiting
	j.trial.running, j.trial.waiting = false, nil
	if !j.trial.again && p.trouble == "" {
		j.trial.outcome = outcome
	}
	for _, m := range waiting {
		m.Reply(outcome)
	}
}
