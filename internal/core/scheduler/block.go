package scheduler

import (
	"fmt"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Vote is a validator's bitfield: of the candidates on which cores it holds its chunk.
type Vote struct {
	Validator uint32
	Cores     primitives.Bits
}

// Freed is a core on which there is nothing any more, and what was there.
type Freed struct {
	Core uint32
	*Pending
}

// Open counts a block's bitfields and empties the cores whose candidate has become available, and those whose candidate
// has had its time; both ascending by core. Votes add up over blocks. What a vote says of empty cores or from unknown
// validators means nothing here; whether such a block is acceptable is a question for package inherent.
func (s *State) Open(height uint64, votes []Vote) (available, timedOut []Freed) {
	for _, v := range votes {
		for core, p := range s.Cores {
			if p != nil && v.Cores.Canonical() && v.Cores.Has(uint32(core)) {
				p.Votes.Set(v.Validator)
			}
		}
	}
	for core, p := range s.Cores {
		switch {
		case p == nil:
		case p.Votes.Count() >= primitives.Supermajority(int(s.Validators)):
			s.Cores[core] = nil
			available = append(available, Freed{Core: uint32(core), Pending: p})
		case s.timesOut(core, p.Since, height):
			s.Cores[core] = nil
			timedOut = append(timedOut, Freed{Core: uint32(core), Pending: p})
			if s.isThread(core) { // that its chunks didn't get around isn't the claim's fault
				s.Queue = append(s.Queue, p.Claim)
			}
		}
	}
	return available, timedOut
}

// Backing puts a candidate on a core.
type Backing struct {
	Core      uint32
	Candidate primitives.Hash
}

// Close puts candidates on cores, ascending by core, and ends the block: a claim that could have been used, and wasn't,
// has one chance less. A candidate for a core that isn't there, is occupied, is nobody's, or out of order is an error,
// and nothing is changed then.
func (s *State) Close(height uint64, backed []Backing) error {
	if err := s.check(backed); err != nil {
		return err
	}
	on := make(map[int]primitives.Hash, len(backed))
	for _, b := range backed {
		on[int(b.Core)] = b.Candidate
	}
	for core := range s.Cores {
		if c, occupies := on[core]; occupies {
			s.occupy(core, height, c)
		} else if at := s.unused(core); at >= 0 {
			s.retry(at)
		}
	}
	return nil
}

func (s *State) check(backed []Backing) error {
	for i, b := range backed {
		switch {
		case int64(b.Core) >= int64(len(s.Cores)):
			return fmt.Errorf("there is no core %d: there are %d", b.Core, len(s.Cores))
		case i > 0 && b.Core <= backed[i-1].Core:
			return fmt.Errorf("core %d comes after %d: cores come in their order, each once", b.Core, backed[i-1].Core)
		case s.Cores[b.Core] != nil:
			return fmt.Errorf("core %d has a candidate, which is neither available nor out of time", b.Core)
		case s.next(int(b.Core)) == nil:
			return fmt.Errorf("nobody has claimed core %d", b.Core)
		}
	}
	return nil
}

func (s *State) occupy(core int, height uint64, candidate primitives.Hash) {
	p := &Pending{Candidate: candidate, Since: height, Votes: primitives.NewBits(s.Validators)}
	p.Group, _ = s.GroupForCore(uint32(core), height)
	if s.isThread(core) {
		at := s.head(core)
		p.Claim = s.Queue[at]
		s.Queue = slices.Delete(s.Queue, at, at+1)
	} else {
		p.Para = s.Parachains[core]
	}
	s.Cores[core] = p
}

// unused is the place in the queue of the claim that could have been used on a core; below zero: there is none.
func (s *State) unused(core int) int {
	if !s.isThread(core) || s.Cores[core] != nil {
		return -1
	}
	return s.head(core)
}
