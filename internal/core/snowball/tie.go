package snowball

import "github.com/reevenet/reeve/internal/core/primitives"

// patience is the number of fruitless polls after which a silent voter is taken for a dead one.
const patience = 8

// breakTie moves the preference after a poll in which no option had a majority of the sample. It moves only when the
// poll shows that the own preference can't have one either, though all who didn't vote for any option did so for it.
//
// If another option may have a majority, that is the target: those who hold it won't move. Otherwise it is the first in
// rank of those that more voters support than may be lying: all who see about the same votes move to the same option,
// and liars have little to say about which.
func (f *Flake) breakTie(p *Parameters, tallies []Tally) {
	missing := p.K
	for _, t := range tallies {
		missing -= t.Votes
	}
	if f.idle > patience {
		// Some have been silent for long: as many as may be lying may as well be dead, and then they don't lie.
		missing = max(0, missing-p.Tolerated())
	}
	own := find(tallies, f.preference)
	if p.plain || own.Votes+missing >= p.AlphaPreference {
		return
	}
	if best, ok := leader(tallies); ok && best.Votes+missing >= p.AlphaPreference {
		f.preference = best.Choice
		return
	}
	if target, ok := first(p, tallies, f.preference); ok {
		f.preference = target
	} else if best, ok := leader(tallies); ok {
		f.preference = best.Choice
	}
}

// first is the first in rank that surely has honest voters: more votes than may be lies. Of the own preference twice as
// many are asked for, because liars tell a voter first of all what it wants to hear.
func first(p *Parameters, tallies []Tally, own primitives.Hash) (primitives.Hash, bool) {
	var target Tally
	ok := false
	for _, t := range tallies {
		enough := p.Tolerated()
		if t.Choice == own {
			enough *= 2
		}
		if t.Votes > enough && (!ok || t.before(target)) {
			target, ok = t, true
		}
	}
	return target.Choice, ok
}

// before tells which of two options comes first in rank.
func (t Tally) before(o Tally) bool {
	return t.Rank < o.Rank || t.Rank == o.Rank && t.Choice.Compare(o.Choice) < 0
}

// leader is the option with most votes, the first in rank among equals.
func leader(tallies []Tally) (best Tally, ok bool) {
	for _, t := range tallies {
		if !ok || t.Votes > best.Votes || t.Votes == best.Votes && t.before(best) {
			best, ok = t, true
		}
	}
	return best, ok
}

func find(tallies []Tally, choice primitives.Hash) Tally {
	for _, t := range tallies {
		if t.Choice == choice {
			return t
		}
	}
	return Tally{Choice: choice}
}
