package snowball

import "github.com/reevenet/reeve/internal/core/primitives"

// Tally is what one poll said about one of the conflicting blocks.
type Tally struct {
	// Choice is the block.
	Choice primitives.Hash
	// Rank orders options that are equal otherwise, the lowest first. It must be nothing that a block's author is free
	// to choose, as the block's id is: of two ids the lower can be had by trying. Those of one rank are ordered by id.
	Rank uint64
	// Votes is the number of sampled stake units that prefer it or a descendant of it.
	Votes int
}

// Flake chooses between the children of one parent. The zero value is an instance without any option; Add the first one
// before the first Record.
type Flake struct {
	preference primitives.Hash
	confidence int // polls in a row in which AlphaConfidence units voted for the preference
	idle       int // polls in a row that raised no confidence
}

// Add tells the instance of an option. The first one becomes its preference; later ones only matter once they get
// votes.
func (f *Flake) Add(choice primitives.Hash) {
	if f.preference.IsZero() {
		f.preference = choice
	}
}

// Preference is the option to vote for.
func (f *Flake) Preference() primitives.Hash { return f.preference }

// Confident tells whether so many polls in a row have confirmed the preference that another need not be waited for.
func (f *Flake) Confident(p *Parameters) bool { return f.confidence >= p.Beta }

// Needed is how many more polls in a row have to confirm the preference.
func (f *Flake) Needed(p *Parameters) int { return max(p.Beta-f.confidence, 0) }

// Record counts one finished poll, and tells whether it confirmed the preference. tallies holds the options that got
// votes, each once, in any order. Every other unit is taken for unknown: who said nothing, or voted for the parent, may
// prefer any of the options tomorrow.
func (f *Flake) Record(p *Parameters, tallies []Tally) (confirmed bool) {
	best, ok := leader(tallies)
	majority := ok && best.Votes >= p.AlphaPreference
	switch {
	case majority && best.Choice != f.preference:
		f.preference = best.Choice
		f.confidence, f.idle = 0, 0
	case !majority || best.Votes < p.AlphaConfidence:
		f.confidence = 0
	}
	if majority && best.Votes >= p.AlphaConfidence {
		f.confidence, f.idle = f.confidence+1, 0
		return true
	}
	if f.idle++; !majority {
		f.breakTie(p, tallies)
	}
	return false
}
