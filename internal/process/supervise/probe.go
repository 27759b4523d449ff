package supervise

import (
	"context"
	"errors"
	"time"
)

// A process that answered once and then doesn't for probeMisses intervals is taken for hung: found within four seconds.
// One that hasn't answered yet is given longer, because it may be replaying a long chain; it is asked more often, so
// that it has answered if it is well at all before it hangs.
const (
	probeInterval = time.Second
	probeMisses   = 3
	probeEager    = 100 * time.Millisecond // the interval until the first answer
	probeFirst    = time.Minute            // until then
)

// watch asks probe again and again and reports, once, that the process hangs.
func watch(ctx context.Context, probe func(context.Context) error, hung chan<- error) {
	tick := time.NewTicker(probeEager)
	defer tick.Stop()
	misses, limit := 0, int(probeFirst/probeEager)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asking, cancel := context.WithTimeout(ctx, probeInterval)
		err := probe(asking)
		cancel()
		switch {
		case err == nil:
			misses, limit = 0, probeMisses
			tick.Reset(probeInterval)
			continue
		case errors.Is(err, ErrUnknown):
			continue
		}
		if misses++; misses >= limit {
			hung <- err
			return
		}
	}
}
