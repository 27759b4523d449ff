package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/finality"
)

// The timers of the height that is being decided.

// refetch is the pause before a certified block is asked for again.
const refetch = 50 * time.Millisecond

// next is when the first timer of the height ends.
func (f *certifying) next() (time.Time, bool) {
	var first time.Time
	for _, at := range f.due { // the order doesn't show in the result
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if f.certificate != nil && (first.IsZero() || f.askedFor.Add(refetch).Before(first)) {
		first = f.askedFor.Add(refetch)
	}
	return first, !first.IsZero()
}

// expire ends the timers that are due, in their own order.
func (f *certifying) expire() {
	for f.instance != nil {
		var first finality.Timer
		var at time.Time
		for t, due := range f.due { // the order doesn't show in the result
			if at.IsZero() || due.Before(at) || due.Equal(at) && t.Before(first) {
				first, at = t, due
			}
		}
		if at.IsZero() || f.now.Before(at) {
			return
		}
		delete(f.due, first)
		f.step(finality.Timeout{Timer: first})
	}
}
