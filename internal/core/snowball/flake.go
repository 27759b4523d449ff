package snowball

import "github.com/reevenet/reeve/internal/core/primitives"

// Tally is what one poll said about one of the conflicting blocks.
type Tally struct {
	// Choice is the block.
	Choice primitives.Hash
	// Rank orders options that are equal otherwise, the lowest first. It must be nothing that a block's author is free to
	// choose, as the block's id is: of two ids the lower can be had by trying. Those of one rank are ordered by id.
	Rank uint64
	// Votes is the number of sampled stake units that prefer it or a descendant of it.
	Votes int
	// Claims is the number of units whose owners report it, or what builds on it, as accepted. An accepted block never
	// loses an honest voter again, so claims hold a tie-break back, and more of them than may be lies settle the
	// preference.
	Claims int
}

// Flake decides between the children of one parent. The zero value is an instance without any option; Add the first one
// before the first Record.
type Flake struct {
	preference primitives.Hash
	confidence int             // polls in a row in which AlphaConfidence units voted for the preference
	unanimous  int             // polls in a row in which all K units did
	idle       int             // polls in a row that raised no confidence
	wavering   int             // polls for which it has voted for nothing
	target     primitives.Hash // what it wavers towards
	decided    bool
}

// Add tells the instance of an option. The first one becomes its preference; later ones only matter once they get
// votes.
func (f *Flake) Add(choice primitives.Hash) {
	if f.preference.IsZero() {
		f.preference = choice
	}
}

// Preference is the option to vote for. It never changes once the instance has decided.
func (f *Flake) Preference() primitives.Hash { return f.preference }

// Decided tells whether the preference is final.
func (f *Flake) Decided() bool { return f.decided }

// Wavers tells whether to vote for none of the options for now.
func (f *Flake) Wavers() bool { return f.wavering > 0 }

// Confidence is the number of polls in a row that confirmed the preference.
func (f *Flake) Confidence() int { return f.confidence }

// Record counts one finished poll. tallies holds the options that got votes, each once, in any order. Every other unit
// is taken for unknown: who said nothing, or voted for the parent, may hold any of the options tomorrow. trusting is
// for a voter that has lost its memory: one claim that an option has been accepted is enough for it.
func (f *Flake) Record(p *Parameters, tallies []Tally, trusting bool) {
	if f.decided {
		return
	}
	if done, ok := p.settled(tallies, trusting); ok && done != f.preference {
		f.falter()
		f.prefer(done)
	}
	best, ok := leader(tallies)
	majority := ok && best.Votes >= p.AlphaPreference
	if majority && best.Choice != f.preference && find(tallies, f.preference).Claims <= p.Tolerated() {
		f.falter()
		f.prefer(best.Choice)
	}
	if majority {
		f.confirm(p, best)
	} else {
		f.falter()
	}
	if f.confidence == 0 {
		f.unblock(p, tallies, majority)
	}
}

// prefer changes its mind, or makes it up.
func (f *Flake) prefer(choice primitives.Hash) {
	f.preference, f.wavering = choice, 0
}

// unblock is for polls that confirm nothing: it may take another preference to get on.
func (f *Flake) unblock(p *Parameters, tallies []Tally, majority bool) {
	switch {
	case f.wavering > 0:
		f.waver(p, tallies)
	case majority:
		f.breakDeadlock(p, tallies)
	default:
		f.breakTie(p, tallies)
	}
}

// confirm raises or resets the confidence after a poll in which best had a majority of the sample.
func (f *Flake) confirm(p *Parameters, best Tally) {
	if best.Choice != f.preference || best.Votes < p.AlphaConfidence {
		f.falter()
		return
	}
	f.idle, f.wavering = 0, 0
	f.confidence++
	if best.Votes == p.K {
		f.unanimous++
	} else {
		f.unanimous = 0
	}
	f.decided = f.confidence >= p.Beta || p.BetaUnanimous > 0 && f.unanimous >= p.BetaUnanimous
}

// falter is what every poll does that doesn't confirm the preference.
func (f *Flake) falter() {
	f.confidence, f.unanimous = 0, 0
	f.idle++
}

// Needed is how many more polls in a row have to confirm the preference. unanimous: those may be expected to be so.
func (f *Flake) Needed(p *Parameters, unanimous bool) int {
	need := p.Beta - f.confidence
	if unanimous && p.BetaUnanimous > 0 {
		need = min(need, p.BetaUnanimous-f.unanimous)
	}
	return max(need, 0)
}
