package inherent

import (
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
)

// mostTries is how many wrong signatures are looked at of one validator, or for one core.
const mostTries = 4

// judge looks at one thing after the other, and knows what it has let pass.
type judge struct {
	ctx    *Context
	chosen Selection
	strict bool // nothing is looked at after what doesn't pass
	bytes  int
	tries  int // wrong signatures in the place that is looked at
	place  uint32

	votes []primitives.Bits // of each core: who holds its chunk, with the bitfields that passed
	known []bool            // it is available already
	last  int               // the validator whose bitfield passed last; below zero: none

	cores   map[uint32]slot // of each para that may use one
	waits   map[uint32]bool // paras whose core stays occupied
	upgrade bool
}

// slot is a core on which a candidate may be put, for whom, and what becomes of the para's candidate before.
type slot struct {
	core uint32
	scheduler.Assignment
	Assumption
}

func newJudge(ctx *Context) *judge {
	j := &judge{
		ctx: ctx, votes: make([]primitives.Bits, len(ctx.Cores)),
		known: make([]bool, len(ctx.Cores)), last: -1, cores: map[uint32]slot{}, waits: map[uint32]bool{},
	}
	for i, c := range ctx.Cores {
		if c.Occupied != nil {
			j.votes[i] = c.Occupied.Votes.Clone()
			j.known[i] = j.isAvailable(i)
		}
	}
	return j
}

// isAvailable tells whether a supermajority of the validators hold their chunk of the candidate on a core.
func (j *judge) isAvailable(core int) bool {
	return j.votes[core].Count() >= primitives.Supermajority(int(j.ctx.Validators))
}

// open finds out, when the bitfields are known, which para may use which core: Open of package scheduler, foretold.
func (j *judge) open() {
	for i, c := range j.ctx.Cores {
		core := uint32(i)
		switch o := c.Occupied; {
		case o == nil:
			j.offer(core, c.Scheduled, Free)
		case j.isAvailable(i):
			j.offer(core, o.OnAvailable, after(o, Included, o.OnAvailable))
		case o.TimeOutAt <= j.ctx.Height:
			j.offer(core, o.OnTimeOut, after(o, TimedOut, o.OnTimeOut))
		default:
			j.waits[o.Para] = true
		}
	}
}

// after is what becomes of the next para's candidate: it has none when the one that was on the core is another para's.
func after(o *scheduler.Occupied, a Assumption, next *scheduler.Assignment) Assumption {
	if next != nil && next.Para != o.Para {
		return Free
	}
	return a
}

func (j *judge) offer(core uint32, to *scheduler.Assignment, a Assumption) {
	if to == nil {
		return
	}
	if _, has := j.cores[to.Para]; !has {
		j.cores[to.Para] = slot{core, *to, a}
	}
}

// room tells whether there is any for one more, where so many may be and are.
func (j *judge) room(have, most, size int) Reason {
	switch {
	case have >= most:
		return TooMany
	case size < 0 || size > j.ctx.Limits.Bytes-j.bytes:
		return NoRoom
	}
	return 0
}

// signed tells whether the signatures of what is at a place, a validator's or a core's, hold.
func (j *judge) signed(place uint32, hold func() bool) Reason {
	if place != j.place {
		j.place, j.tries = place, 0
	}
	switch {
	case j.tries >= mostTries:
		return TriedEnough
	case !hold():
		j.tries++
		return BadSignature
	}
	return 0
}

// over tells whether nothing is to be looked at any more.
func (j *judge) over() bool { return j.strict && len(j.chosen.LeftOut) > 0 }

func (j *judge) leave(candidate bool, i int, why Reason) {
	j.chosen.LeftOut = append(j.chosen.LeftOut, LeftOut{Candidate: candidate, Index: i, Reason: why})
}
