package candidatevalidation

import (
	"time"

	"github.com/reevenet/reeve/overseer/subsystem"
	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// stats count since the process began.
type stats struct {
	valid, invalid, faults, retried, abandoned, prepared uint64
	// longest is of the machine's time, for a candidate that was valid.
	longest time.Duration
}

func (s *stats) ran(cpu time.Duration) { s.longest = max(s.longest, cpu) }

// Status says what waits and what is under way.
func (v *validation) Status(s *subsystem.Status) {
	s.Check("workers", v.trouble)
	for _, f := range []struct {
		name  string
		value uint64
	}{
		{"fetching", uint64(v.fetching)}, {"waiting", uint64(len(v.waiting))}, {"running", uint64(v.running)},
		{"valid", v.stats.valid}, {"invalid", v.stats.invalid}, {"faults", v.stats.faults},
		{"retried", v.stats.retried}, {"abandoned", v.stats.abandoned}, {"prepared", v.stats.prepared},
		{"longest-cpu-micros", uint64(v.stats.longest.Microseconds())},
	} {
		s.Number(f.name, int64(f.value))
	}
	if v.cfg.Runs == nil {
		return
	}
	for _, w := range v.cfg.Runs.Status() {
		state := "waiting"
		if w.Busy {
			state = "running"
		}
		s.Process(&statusv1.Process{Name: "validation-worker", Instance: w.Code.Short(), Pid: int64(w.PID),
			State: state})
	}
}
