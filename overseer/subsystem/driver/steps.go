package driver

import (
	"bytes"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	statusv1 "github.com/reevenet/reeve/proto/reeve/status/v1"
)

// maxSteps is how many of its last steps an instance remembers: those of some minutes, and half a megabyte.
const maxSteps = 4096

// steps are what a program has done last about blocks and candidates, for those who ask why.
type steps struct {
	ring []step
	next int // where the next one goes, once the ring is full
}

type step struct {
	about               [32]byte
	at                  time.Time
	what, message, from string
}

// note remembers a step. What isn't about a hash is none.
func (s *steps) note(hash []byte, what string, c cause, now time.Time) {
	one := step{at: now, what: what, message: c.message, from: c.from}
	if copy(one.about[:], hash) != len(one.about) || len(hash) != len(one.about) {
		return
	}
	if len(s.ring) < maxSteps {
		s.ring = append(s.ring, one)
		return
	}
	s.ring[s.next] = one
	s.next = (s.next + 1) % maxSteps
}

// leastPrefix is how many bytes of a hash tell enough: as many as logs show.
const leastPrefix = 4

// of lists the steps about hashes that begin like this, oldest first.
func (s *steps) of(prefix []byte) (list []*statusv1.Step) {
	if len(prefix) < leastPrefix {
		return nil
	}
	for i := range s.ring {
		if one := &s.ring[(s.next+i)%len(s.ring)]; bytes.HasPrefix(one.about[:], prefix) {
			list = append(list, &statusv1.Step{
				What: one.what, At: timestamppb.New(one.at), Message: one.message, From: one.from,
				About: bytes.Clone(one.about[:]),
			})
		}
	}
	return list
}
