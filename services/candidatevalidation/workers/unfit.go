package workers

import (
	"sync"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/services/candidatevalidation"
)

// unfit remembers code that couldn't be prepared, so that it takes this machine's time once in a while and not with
// each candidate.
type unfit struct {
	mu    sync.Mutex
	codes map[primitives.Hash]refusal
	order []primitives.Hash // the oldest first
}

// refusal is why, and until when; zero: for good, since everybody finds so.
type refusal struct {
	outcome candidatevalidation.Outcome
	until   time.Time
}

const (
	// mostUnfit is how many codes are remembered.
	mostUnfit = 256
	// cooldown is how long code isn't tried again that this machine couldn't prepare.
	cooldown = 5 * time.Minute
)

// find is why the code isn't tried now; nil: it is.
func (u *unfit) find(code primitives.Hash, now time.Time) *candidatevalidation.Outcome {
	u.mu.Lock()
	defer u.mu.Unlock()
	r, known := u.codes[code]
	if !known || !r.until.IsZero() && now.After(r.until) {
		return nil
	}
	return &r.outcome
}

// note remembers why code couldn't be prepared. That no worker could be started has nothing to do with the code.
func (u *unfit) note(code primitives.Hash, o candidatevalidation.Outcome, now time.Time) {
	r := refusal{outcome: o}
	switch o.End {
	case candidatevalidation.Unstarted:
		return
	case candidatevalidation.Unprepared:
		r.until = now.Add(cooldown)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.codes == nil {
		u.codes = map[primitives.Hash]refusal{}
	}
	if _, known := u.codes[code]; !known {
		u.order = append(u.order, code)
	}
	u.codes[code] = r
	if len(u.order) > mostUnfit {
		delete(u.codes, u.order[0])
		u.order = u.order[1:]
	}
}
