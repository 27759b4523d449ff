package availabilitydistribution

import (
	"time"

	"github.com/reevenet/reeve/internal/core/erasure"
	"github.com/reevenet/reeve/internal/core/primitives"
)

const (
	// shelfBytes is how many bytes of chunks are held that were served last: at least one of the longest.
	shelfBytes = 32 << 20
	// maxShelved is how many chunks that may be: they are looked for one after the other.
	maxShelved = 64
	// shelfTime is for how long: a peer asks for the parts one after the other.
	shelfTime = 5 * time.Second
)

// shelf holds the chunks that were served last, so that a chunk that is asked for in parts isn't read from the disk for
// each.
type shelf struct {
	held  []shelved // the latest last
	bytes int
}

type shelved struct {
	candidate primitives.Hash
	chunk     erasure.Chunk
	until     time.Time
}

func (s *shelf) get(candidate primitives.Hash, index uint32, now time.Time) (erasure.Chunk, bool) {
	s.expire(now)
	for _, h := range s.held {
		if h.candidate == candidate && h.chunk.Index == index {
			return h.chunk, true
		}
	}
	return erasure.Chunk{}, false
}

func (s *shelf) put(candidate primitives.Hash, c erasure.Chunk, now time.Time) {
	if _, held := s.get(candidate, c.Index, now); held {
		return
	}
	s.held, s.bytes = append(s.held, shelved{candidate, c, now.Add(shelfTime)}), s.bytes+len(c.Bytes)
	for s.bytes > shelfBytes || len(s.held) > maxShelved {
		s.drop()
	}
}

func (s *shelf) expire(now time.Time) {
	for len(s.held) > 0 && !now.Before(s.held[0].until) {
		s.drop()
	}
}

// drop lets the oldest go.
func (s *shelf) drop() {
	s.bytes -= len(s.held[0].chunk.Bytes)
	s.held[0] = shelved{}
	s.held = s.held[1:]
}
