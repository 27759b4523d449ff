package killtest

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/reevenet/reeve/cmd/internal/devnet"
)

// Report is what the test found. Nothing is wrong when Faults is empty.
type Report struct {
	Findings
	Kills        int     `json:"kills"`
	LongestGap   float64 `json:"longestGapSeconds"`
	GapAfter     string  `json:"longestGapAfter"` // the kill before it
	BackP50      float64 `json:"backP50Seconds"`
	BackP99      float64 `json:"backP99Seconds"`
	StoppedBack  float64 `json:"stoppedBackSeconds"` // the longest until a stopped process was found and replaced
	Measurements []kill  `json:"measurements"`
	// Para is what became of the parachain, if there is one.
	Para *ParaReport `json:"parachain,omitempty"`
}

// Bounds that the network must keep.
const (
	maxGap  = 3 * time.Second
	maxBack = 2 * time.Second
	maxHang = 8 * time.Second
)

func (r *runner) report(ctx context.Context, s *devnet.Status) (*Report, error) {
	rep := &Report{Kills: len(r.kills), Measurements: r.kills}
	rep.fill(r.load, r.chain)
	var killed, stopped []time.Duration
	for _, k := range r.kills {
		if k.Signal == words[syscall.SIGSTOP] {
			stopped = append(stopped, k.Back)
		} else {
			killed = append(killed, k.Back)
		}
		for _, m := range k.Moved {
			rep.fault("%s of %s was ended and %s changed, too", k.Kind, k.Node, m)
		}
	}
	rep.BackP50, rep.BackP99 = at(killed, 50), at(killed, 99)
	rep.StoppedBack = at(stopped, 100)
	rep.LongestGap, rep.GapAfter = r.chain.gap.Seconds(), r.before(r.chain.gapEnd)
	if r.para != nil {
		if err := r.audit(ctx, rep, s); err != nil {
			return nil, err
		}
	}
	rep.bound("the longest gap without a block", rep.LongestGap, maxGap)
	rep.bound("the time until a killed process is back, p99,", rep.BackP99, maxBack)
	rep.bound("the time until a stopped process is replaced", rep.StoppedBack, maxHang)
	return rep, rep.verify(ctx, s, r.load, r.chain)
}

// before is the last kill before a moment.
func (r *runner) before(at time.Time) (which string) {
	for _, k := range r.kills {
		if k.At.Before(at) {
			which = fmt.Sprintf("%s %s of %s", k.Signal, k.Kind, k.Node)
		}
	}
	return which
}

func (rep *Report) bound(what string, seconds float64, limit time.Duration) {
	if seconds > limit.Seconds() {
		rep.fault("%s is %.2f s, it should be at most %v", what, seconds, limit)
	}
}

// at is the value below which that share of the durations lies, in seconds.
func at(list []time.Duration, percent int) float64 {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[(len(list)-1)*percent/100].Seconds()
}
