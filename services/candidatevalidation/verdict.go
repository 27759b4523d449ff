package candidatevalidation

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/parachain"
	candidatevalidationv1 "github.com/reevenet/reeve/proto/reeve/candidatevalidation/v1"
)

// Faults, by the names of the protocol.
const (
	missing    = candidatevalidationv1.Fault_REASON_BLOB_MISSING
	unreadable = candidatevalidationv1.Fault_REASON_BLOB_UNREADABLE
	workerLost = candidatevalidationv1.Fault_REASON_WORKER_LOST
	unprepared = candidatevalidationv1.Fault_REASON_PREPARATION_FAILED
	overloaded = candidatevalidationv1.Fault_REASON_OVERLOADED
)

// rules says which rule a candidate breaks whose code ended like this.
var rules = map[End]candidatevalidationv1.Invalid_Reason{
	Declined: executionFailed, Trapped: executionFailed, Exhausted: timedOut, BadReturn: badReturn,
	TooLarge: codeTooLarge, Malformed: codeMalformed,
}

// faults says what failed in this node when a worker ended like this.
var faults = map[End]candidatevalidationv1.Fault_Reason{
	Crashed: workerLost, Lost: workerLost, Unstarted: workerLost, Unprepared: unprepared,
}

// judge answers with what the job came to.
func (v *validation) judge(c *candidacy, o Outcome) {
	if o.End == Returned {
		out, broken := c.compare(o.Outputs)
		if broken == nil {
			v.valid(c, out, o.CPU)
			return
		}
		v.answer(c, broken)
		return
	}
	if rule, known := rules[o.End]; known {
		v.answer(c, &broken{rule, o.Detail})
		return
	}
	if o.End == Crashed && c.first != nil && c.first.End == Crashed {
		v.answer(c, breaks(executionFailed, "the code crashed two workers: %s", o.Detail))
		return
	}
	detail := o.Detail
	if c.first != nil {
		detail = fmt.Sprintf("%s; before that: %s", detail, c.first.Detail)
	}
	v.trouble = detail
	v.fault(c, faults[o.End], detail)
}

func (v *validation) valid(c *candidacy, out candidate.Commitments, cpu time.Duration) {
	v.stats.valid++
	v.stats.ran(cpu)
	v.trouble = ""
	v.sub.Log.Debug("a candidate is valid", "candidate", c.hash, "para", c.receipt.Descriptor.Collation.ParaID, "cpu",
		cpu)
	v.reply(c, &candidatevalidationv1.ValidateResponse{Outcome: &candidatevalidationv1.ValidateResponse_Valid{
		Valid: &candidatevalidationv1.Valid{
			Outputs: parachain.CommitmentsMessage(out), CpuMicros: uint64(cpu.Microseconds()),
		},
	}})
}

// answer says that the candidate is invalid.
func (v *validation) answer(c *candidacy, b *broken) {
	v.stats.invalid++
	v.sub.Log.Info("a candidate is invalid", "candidate", c.hash, "para", c.receipt.Descriptor.Collation.ParaID,
		"reason", b.reason, "detail", b.detail)
	v.reply(c, &candidatevalidationv1.ValidateResponse{Outcome: &candidatevalidationv1.ValidateResponse_Invalid{
		Invalid: &candidatevalidationv1.Invalid{Reason: b.reason, Detail: b.detail},
	}})
}

// fault says that this node can't tell.
func (v *validation) fault(c *candidacy, reason candidatevalidationv1.Fault_Reason, detail string) {
	v.stats.faults++
	v.sub.Log.Warn("a candidate couldn't be judged", "candidate", c.hash,
		"para", c.receipt.Descriptor.Collation.ParaID, "reason", reason, "detail", detail)
	v.reply(c, faulty(reason, detail))
}

func faulty(reason candidatevalidationv1.Fault_Reason, detail string) *candidatevalidationv1.ValidateResponse {
	return &candidatevalidationv1.ValidateResponse{Outcome: &candidatevalidationv1.ValidateResponse_Fault{
		Fault: &candidatevalidationv1.Fault{Reason: reason, Detail: detail},
	}}
}

func (v *validation) reply(c *candidacy, resp *candidatevalidationv1.ValidateResponse) {
	if c.inTime != nil {
		c.inTime()
	}
	c.close()
	c.m.Reply(resp)
}
