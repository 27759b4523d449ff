package supervise

import (
	"context"
	"errors"
	"time"
)

// A process that answered once and then doesn't for probeMisses intervals is taken for hung: found within four seconds.
// One that hasn't answered yet is given longer, because it may be replaying a long chain.
const (
	probeInterval = time.Second
	probeMisses   = 3
	probeFirst    = 60 // intervals until the first answer
)

// watch asks probe once per interval and reports, once, that the process hangs.
func watch(ctx context.Context, probe func(context.Context) error, hung chan<- error) {
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	misses, limit := 0, probeFirst
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
