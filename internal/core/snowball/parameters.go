package snowball

import (
	"fmt"
	"time"
)

// Parameters of one chain. All its validators must use the same ones.
type Parameters struct {
	// K is the number of stake units asked in one poll. Where the whole set has no more units than that, a poll is a
	// census.
	K int
	// AlphaPreference is the number of votes that moves the preference: a majority of K.
	AlphaPreference int
	// AlphaConfidence is the number of votes that counts towards a decision.
	AlphaConfidence int
	// Beta is the number of polls in a row, with AlphaConfidence votes each, that decide.
	Beta int
	// BetaUnanimous is the number of polls in a row, with all K votes each, that decide. Zero turns it off.
	BetaUnanimous int
	// ConcurrentRepolls is the number of polls kept open while something is undecided.
	ConcurrentRepolls int
	// OptimalProcessing is the number of undecided blocks above which no more are built.
	OptimalProcessing int
	// MaxOutstandingItems is the number of undecided blocks above which the chain is reported unhealthy, and none is
	// issued.
	MaxOutstandingItems int
	// MaxItemProcessingTime is the time undecided above which the chain is reported unhealthy.
	MaxItemProcessingTime time.Duration

	plain bool // no tie-break: the control of the simulation, which must then stand still
}

// Tolerated is the number of sampled units whose owners may lie without endangering safety: what AlphaConfidence asks
// above a majority. With it, AlphaConfidence votes contain an honest majority of the sample.
func (p *Parameters) Tolerated() int { return p.AlphaConfidence - p.AlphaPreference }

// patience is the number of fruitless polls after which a silent voter is taken for a dead one.
func (p *Parameters) patience() int { return p.Beta }

func (p *Parameters) String() string {
	return fmt.Sprintf("k=%d preference=%d confidence=%d beta=%d unanimous=%d",
		p.K, p.AlphaPreference, p.AlphaConfidence, p.Beta, p.BetaUnanimous)
}

// Plain are the same parameters without the tie-break: the control of simulations, which must then stand still before a
// tie.
func (p *Parameters) Plain() Parameters {
	plain := *p
	plain.plain = true
	return plain
}
