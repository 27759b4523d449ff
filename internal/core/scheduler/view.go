package scheduler

import (
	"math"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// CoreState is what a core does, as the next block finds it. At most one of Occupied and Scheduled is set; when neither
// is, the core is free.
type CoreState struct {
	// Group backs candidates for the core in the next block; its members are in State.Groups.
	Group uint32
	// Occupied is the candidate on it.
	Occupied *Occupied
	// Scheduled is who may put one on it.
	Scheduled *Assignment
}

// Occupied is a candidate that waits on a core.
type Occupied struct {
	Para      uint32
	Candidate primitives.Hash
	// Since is the height at which it was put there, TimeOutAt that of the block that drops it if it isn't available.
	Since, TimeOutAt uint64
	// Group has backed it: there its chunks are to be had.
	Group uint32
	// Votes are the validators that hold their chunk.
	Votes primitives.Bits
	// OnAvailable and OnTimeOut are who may use the core when the candidate has become available in the next block, or
	// is dropped by it.
	OnAvailable, OnTimeOut *Assignment
}

// CoreStates is what the block at a height finds, after the one below it.
func (s *State) CoreStates(height uint64) []CoreState {
	out := make([]CoreState, len(s.Cores))
	for core, p := range s.Cores {
		out[core].Group, _ = s.GroupForCore(uint32(core), height)
		next := s.next(core)
		if p == nil {
			out[core].Scheduled = next
			continue
		}
		out[core].Occupied = &Occupied{
			Para: p.Para, Candidate: p.Candidate, Since: p.Since, TimeOutAt: s.timeOutAt(core, p.Since), Group: p.Group,
			Votes: p.Votes.Clone(), OnAvailable: next, OnTimeOut: s.afterTimeOut(core, p, next),
		}
	}
	return out
}

// afterTimeOut is who is next on a core whose candidate is dropped: a claim goes to the end of its own line, and so it
// is next when nobody else is there.
func (s *State) afterTimeOut(core int, p *Pending, next *Assignment) *Assignment {
	if next == nil {
		a := p.Assignment
		return &a
	}
	return next
}

// period is the number of blocks that a candidate may take to become available.
func (s *State) period(core int) uint64 {
	if s.isThread(core) {
		return max(s.ThreadPeriod, 1)
	}
	return max(s.ChainPeriod, 1)
}

// timesOut tells whether the block at a height drops what was put on a core at since: when it has had its period, and
// not more than that many blocks have passed since groups rotated. So a group that comes to a core finds it free within
// its turn, and candidates aren't dropped all through it.
func (s *State) timesOut(core int, since, height uint64) bool {
	period := s.period(core)
	return height >= since && height-since >= period && s.sinceRotation(height) < period
}

// timeOutAt is the first height at which timesOut holds.
func (s *State) timeOutAt(core int, since uint64) uint64 {
	period := s.period(core)
	if period > math.MaxUint64-since {
		return math.MaxUint64
	}
	at := since + period
	if past := s.sinceRotation(at); past >= period {
		at += s.RotationFrequency - past
	}
	return at
}

// sinceRotation is the number of blocks since groups moved on last. Where they never do, every block counts as the
// first one.
func (s *State) sinceRotation(height uint64) uint64 {
	if s.RotationFrequency == 0 || height < s.Start {
		return 0
	}
	return (height - s.Start) % s.RotationFrequency
}
