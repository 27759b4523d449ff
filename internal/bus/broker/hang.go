package broker

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// signs are those by which a hang of one instance is told: what it says of itself, and when it last finished something.
type signs struct {
	beat     time.Time     // of the last heartbeat
	handling time.Duration // the handler has been at one message
	rss      uint64        // bytes
	worked   bool          // it has finished something
	moved    [wire.LaneCount]time.Time
}

// hangs names the watchdog that an instance has tripped; empty when all is well.
func (s *signs) hangs(now time.Time, cfg *Config, f *flight) string {
	patience := cfg.Progress
	if !s.worked {
		patience = cfg.Start
	}
	switch silence := now.Sub(s.beat); {
	case silence > cfg.Heartbeat:
		return fmt.Sprintf("no heartbeat for %v", silence.Round(100*time.Millisecond))
	case s.handling > patience:
		return fmt.Sprintf("at one message for %v", s.handling.Round(100*time.Millisecond))
	case cfg.MaxRSS > 0 && s.rss > cfg.MaxRSS:
		return fmt.Sprintf("%d MiB of memory, the limit is %d MiB", s.rss>>20, cfg.MaxRSS>>20)
	}
	for lane := range f.oneWay {
		still := now.Sub(s.moved[lane])
		if n := f.oneWay[lane].len(); n > 0 && still > patience {
			return fmt.Sprintf("%d messages of lane %d and none finished for %v", n, lane,
				still.Round(100*time.Millisecond))
		}
	}
	return ""
}

// excuse forgets the silence so far.
func (s *signs) excuse(now time.Time) {
	s.beat = now
	for lane := range s.moved {
		s.moved[lane] = now
	}
}
