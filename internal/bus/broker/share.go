package broker

import (
	"crypto/sha256"
	"encoding/binary"
)

// choose picks the instance for an item; nil when it must wait.
func (s *mailbox) choose(key []byte) *Instance {
	switch {
	case len(s.instances) == 0:
		return nil
	case s.class == Sharded:
		return rendezvous(s.instances, key)
	case s.class == Pool:
		return s.leastBusy()
	}
	return s.instances[0]
}

// poolDepth is how much work an instance of a pool is given at once: enough to keep it busy while the next comes,
// little enough that work doesn't pile up behind a slow piece.
const poolDepth = 2

// leastBusy picks among those that have least to do in turn, so that all are warm when there is more.
func (s *mailbox) leastBusy() *Instance {
	var best *Instance
	at := 0
	for n := range s.instances {
		next := (s.turn + n) % len(s.instances)
		if i := s.instances[next]; best == nil || i.load() < best.load() {
			best, at = i, next
		}
	}
	if best.load() >= poolDepth {
		return nil
	}
	s.turn = at + 1
	return best
}

// load is how much an instance has to do.
func (i *Instance) load() int { return i.flight.taken + i.queues.count }

// rendezvous is highest-random-weight hashing: each key goes to the instance whose hash with it is highest, so that an
// instance that comes or goes moves only its own share. Instances are told apart by name, which survives a restart.
func rendezvous(instances []*Instance, key []byte) *Instance {
	var best *Instance
	var top uint64
	for _, i := range instances {
		h := sha256.Sum256(append([]byte(i.Name+"\x00"), key...))
		if w := binary.BigEndian.Uint64(h[:8]); best == nil || w > top {
			best, top = i, w
		}
	}
	return best
}
