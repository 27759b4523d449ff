package snowball

import "github.com/reevenet/reeve/internal/core/primitives"

// breakTie moves the preference after a poll in which no option had a majority of the sample. It moves only when the
// poll shows that the own preference can't have one either, though all who didn't vote for any option did so for it.
// Then no honest voter can have decided for it: deciding takes AlphaConfidence votes, of which AlphaPreference are
// honest (see Parameters.Tolerated), and those who hold a majority keep it.
//
// If another option may have a majority, that is the target: those who hold it won't move. Otherwise it is the first
// in rank of those that more voters support than may be lying: all who see about the same votes move to the same option,
// and liars have little to say about which.
func (f *Flake) breakTie(p *Parameters, tallies []Tally) {
	missing := p.K
	for _, t := range tallies {
		missing -= t.Votes
	}
	if f.idle > p.patience() {
		// Some have been silent for long: as many as may be lying may as well be dead, and then they don't lie.
		missing = max(0, missing-p.Tolerated())
	}
	own := find(tallies, f.preference)
	if p.plain || own.Claims > 0 || own.Votes+missing >= p.AlphaPreference {
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

// breakDeadlock moves the preference when it has had a majority, but never enough to decide, for long: liars who tell
// each voter what it wants to hear can keep two halves apart like that. All halves then move to the first in rank that
// more voters support than may be lying, unless someone says that the own preference has been accepted: then it may well be.
//
// Others may be about to decide for it all the same, since the liars may tell them something else, on votes of which
// this voter's is one. So it first votes for nothing, until whoever has decided would have been heard.
func (f *Flake) breakDeadlock(p *Parameters, tallies []Tally) {
	target := find(tallies, f.preference)
	if p.plain || f.idle <= 2*p.patience() || target.Claims > 0 {
		return
	}
	for _, t := range tallies {
		if t.Votes > p.Tolerated() && t.before(target) {
			target = t
		}
	}
	if target.Choice != f.preference {
		f.target, f.wavering = target.Choice, 1
	}
}

// waver goes over to the target when it has voted for nothing for long, and nobody says meanwhile that the preference
// has been accepted.
func (f *Flake) waver(p *Parameters, tallies []Tally) {
	if f.wavering++; find(tallies, f.preference).Claims > 0 {
		f.wavering = 0
	} else if f.wavering > 2*p.patience() {
		f.prefer(f.target)
	}
}

// settled is an option that at least one honest voter has accepted; or one at all, for a voter that trusts.
func (p *Parameters) settled(tallies []Tally, trusting bool) (choice primitives.Hash, ok bool) {
	if p.plain {
		return choice, false
	}
	for _, t := range tallies {
		if t.Claims > p.Tolerated() || trusting && t.Claims > 0 {
			return t.Choice, true
		}
	}
	return choice, false
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
