package broker

import (
	"cmp"
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
	attached time.Time
	debts    debts
	moved    [wire.LaneCount]time.Time
}

// patience is how long an instance may be without progress, and without an answer: its first work may take longer, but
// to be asked it need not have worked before.
func (s *signs) patience(now time.Time, cfg *Config) (progress, answer time.Duration) {
	switch {
	case s.worked:
		return cfg.Progress, cfg.Progress
	case now.Sub(s.attached) > cfg.Start:
		return cfg.Start, cfg.Progress
	}
	return cfg.Start, cfg.Start
}

// hangs names the watchdog that an instance has tripped; empty when all is well.
func (i *Instance) hangs(now time.Time, cfg *Config) string {
	s := &i.signs
	patience, answer := s.patience(now, cfg)
	switch silence := now.Sub(s.beat); {
	case silence > cfg.Heartbeat:
		return fmt.Sprintf("no heartbeat for %v", silence.Round(100*time.Millisecond))
	case s.handling > patience:
		return fmt.Sprintf("at one message for %v", s.handling.Round(100*time.Millisecond))
	case cfg.MaxRSS > 0 && s.rss > cfg.MaxRSS:
		return fmt.Sprintf("%d MiB of memory, the limit is %d MiB", s.rss>>20, cfg.MaxRSS>>20)
	}
	for lane := range i.flight.oneWay {
		still := now.Sub(s.moved[lane])
		if n := i.flight.oneWay[lane].len(); n > 0 && still > patience {
			return fmt.Sprintf("%d messages of lane %d and none finished for %v", n, lane,
				still.Round(100*time.Millisecond))
		}
	}
	return cmp.Or(s.debts.hang(answer), i.outbox.hang(now, patience))
}

// excuse forgets the silence so far.
func (s *signs) excuse(now time.Time) {
	s.beat, s.debts = now, debts{}
	for lane := range s.moved {
		s.moved[lane] = now
	}
}
