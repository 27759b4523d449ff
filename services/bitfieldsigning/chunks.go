package bitfieldsigning

import (
	"maps"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	availabilitystorev1 "github.com/reevenet/reeve/proto/reeve/availabilitystore/v1"
)

// The store is asked again for what is missing, with growing pauses: a chunk that isn't there after a while is late
// because of somebody who doesn't send it. It may take storeTimeout for an answer, so that a store that hangs delays a
// bitfield by that, and no more.
const (
	askAgain     = 20 * time.Millisecond
	askAtMost    = 200 * time.Millisecond
	storeTimeout = 250 * time.Millisecond
)

// chunk is one that this validator should have.
type chunk struct {
	candidate primitives.Hash
	until     time.Time // when it is no longer waited for
}

// look asks for every chunk that is missing, and goes on when all answers have come.
func (j *job) look() {
	open := len(j.missing)
	for _, core := range slices.Sorted(maps.Keys(j.missing)) {
		candidate := j.missing[core].candidate
		q := &availabilitystorev1.QueryChunkAvailability{Candidate: candidate[:], Validator: uint32(j.facts.Own)}
		subsystem.Ask(j.sub, q, storeTimeout, func(r *availabilitystorev1.QueryChunkAvailabilityResponse, err error) {
			if err == nil && r.GetAvailable() {
				delete(j.missing, core)
			}
			if open--; open == 0 && !j.ended {
				j.looked()
			}
		})
	}
}

// looked signs when nothing is missing that is still waited for; else it looks again.
func (j *job) looked() {
	var left time.Duration
	for _, c := range j.missing { // the order doesn't show in the result
		left = max(left, c.until.Sub(j.sub.Now()))
	}
	if left == 0 {
		j.sign(j.bits())
		return
	}
	j.cancel = j.sub.After(min(j.pause, left), j.look)
	j.pause = min(2*j.pause, askAtMost)
}

// waits remembers since when each candidate's chunk has been waited for, over all leaves. A leaf is often shorter than
// the delay: if each began anew, whoever keeps back the chunks of one candidate would have no bitfield signed at all,
// and so no candidate included.
type waits map[primitives.Hash]wait

type wait struct{ since, seen time.Time }

// waitKept is for how long a candidate is remembered that was on no core of a new leaf.
const waitKept = time.Minute

// since tells since when a candidate that lies on a core of a leaf is waited for: with the first such leaf it began.
func (w waits) since(candidate primitives.Hash, began, now time.Time) time.Time {
	k, known := w[candidate]
	if !known {
		k.since = began
	}
	k.seen = now
	w[candidate] = k
	return k.since
}

func (w waits) forget(now time.Time) {
	maps.DeleteFunc(w, func(_ primitives.Hash, k wait) bool { return now.Sub(k.seen) > waitKept })
}
