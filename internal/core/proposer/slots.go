package proposer

import "time"

// Slots is a node's own patience with those who may propose before it. It learns how long a block takes from its
// proposer, and waits a few times that for each of them, so that on a fast network a silent one costs little and on a
// slow one nobody is overtaken by impatience.
type Slots struct {
	average time.Duration
}

const (
	leastSlot = 150 * time.Millisecond
	mostSlot  = 5 * time.Second
)

// Observe tells how long a block took from the moment when it could have been built until it arrived.
func (s *Slots) Observe(took time.Duration) {
	took = min(max(took, 0), mostSlot)
	if s.average == 0 {
		s.average = took
	}
	s.average += (took - s.average) / 8
}

// Length of one slot.
func (s *Slots) Length() time.Duration { return min(max(3*s.average, leastSlot), mostSlot) }

// Wait is how long the validator of a rank waits, after work has become known, before it proposes.
func (s *Slots) Wait(rank int) time.Duration {
	return time.Duration(min(rank, 1000)) * s.Length()
}
