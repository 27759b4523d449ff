package inherent

import (
	"cmp"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// candidateOrder is by core; what has none comes last.
func (j *judge) candidateOrder(of []Candidate) []int {
	core := func(i int) int {
		if s, has := j.cores[of[i].Para]; has {
			return int(s.core)
		}
		return len(j.ctx.Cores)
	}
	order := places(len(of))
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(core(a), core(b)) })
	return order
}

func (j *judge) candidates(of []Candidate, order []int) {
	j.place, j.tries = 0, 0
	for _, i := range order {
		c := &of[i]
		s := j.cores[c.Para]
		if why := j.candidate(i, c, s); why != 0 {
			if j.leave(true, i, why); j.over() {
				return
			}
			continue
		}
		j.chosen.Candidates = append(j.chosen.Candidates, i)
		j.chosen.Cores = append(j.chosen.Cores, s.core)
		j.bytes += c.Size
		j.upgrade = j.upgrade || c.Upgrade
	}
}

// candidate is why one can't follow those that have passed.
func (j *judge) candidate(i int, c *Candidate, s slot) Reason {
	if why := j.scheduled(c); why != 0 {
		return why
	}
	if why := j.state(c, s); why != 0 {
		return why
	}
	group := j.group(s.core)
	if why := votes(c, group); why != 0 {
		return why
	}
	if why := j.room(len(j.chosen.Candidates), j.ctx.Limits.Candidates, c.Size); why != 0 {
		return why
	}
	return j.signed(s.core, func() bool { return j.ctx.Signatures.Candidate(i, group) })
}

// scheduled is why it isn't the turn of the candidate's para.
func (j *judge) scheduled(c *Candidate) Reason {
	s, has := j.cores[c.Para]
	taken := len(j.chosen.Cores)
	switch {
	case !slices.Contains(j.ctx.RelayParents, c.RelayParent):
		return RelayParentOutOfRange
	case j.waits[c.Para]:
		return CoreOccupied
	case !has:
		return NotScheduled
	case taken > 0 && j.chosen.Cores[taken-1] == s.core:
		return CoreTaken
	case taken > 0 && j.chosen.Cores[taken-1] > s.core:
		return OutOfOrder
	}
	return 0
}

// state is why it isn't the candidate that the chain waits for.
func (j *judge) state(c *Candidate, s slot) Reason {
	data, ok := j.ctx.ValidationData(c.Para, s.Assumption, c.RelayParent)
	switch {
	case !s.Collator.IsZero() && s.Collator != c.Collator:
		return WrongCollator
	case !ok || data != c.ValidationData:
		return ValidationDataMismatch
	case c.Upgrade && j.upgrade:
		return SecondUpgrade
	}
	return 0
}

// group has the validators that back candidates for a core; nobody where there is no such group.
func (j *judge) group(core uint32) []uint32 {
	if g := j.ctx.Cores[core].Group; int64(g) < int64(len(j.ctx.Groups)) {
		return j.ctx.Groups[g]
	}
	return nil
}

// votes is why those of a candidate aren't the word of its group.
func votes(c *Candidate, group []uint32) Reason {
	voters := c.Voters.Count()
	switch {
	case !c.Voters.Canonical() || int(c.Voters.Length) != len(group) || voters != c.Votes:
		return MalformedVotes
	case voters < primitives.BackingQuorum(len(group)):
		return BelowQuorum
	}
	return 0
}
