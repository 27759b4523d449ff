package availability

import "time"

// markEvery is how often the age is written at least: so much is what a restart can add to a term.
const markEvery = 5 * time.Minute

// pruneAtOnce is how many candidates go in one batch.
const pruneAtOnce = 256

// clock counts the time for which a store has been running, over all its lives. The time in which it wasn't doesn't
// count: only the clock that people set could tell how long that was, and an hour too many costs some room, where an
// hour too few costs what nobody can bring back.
type clock struct {
	age, marked time.Duration
	last        time.Time
}

// advance adds what has passed since it was told the time last: by the clock that nobody can set, which a time.Time has
// in it as long as nobody takes it apart. A clock that goes backwards adds nothing.
func (c *clock) advance(now time.Time) {
	c.age += max(now.Sub(c.last), 0)
	c.last = now
}

// Next is in how much time Prune has something to do.
func (s *Store) Next(now time.Time) time.Duration {
	s.advance(now)
	next := s.marked + markEvery
	for _, line := range s.lines {
		if first := line.Front(); first != nil {
			if end, ends := first.Value.(*candidate).end(); ends {
				next = min(next, end)
			}
		}
	}
	return max(next-s.age, 0)
}

// end is the age at which the candidate goes, if its state has a term.
func (r *Record) end() (time.Duration, bool) {
	return r.Since + terms[r.State], terms[r.State] > 0
}

// Prune drops the candidates whose time is over; when these are many there is more to do at once (Next).
func (s *Store) Prune(now time.Time) Batch {
	s.advance(now)
	var dropped []Action
	for _, line := range s.lines {
		for e := line.Front(); e != nil && len(dropped) < pruneAtOnce; e = line.Front() {
			c := e.Value.(*candidate)
			if end, ends := c.end(); !ends || end > s.age {
				break
			}
			dropped = append(dropped, s.forget(c))
		}
	}
	if len(dropped) == 0 && s.age < s.marked+markEvery {
		return Batch{}
	}
	return s.numbered(dropped)
}
