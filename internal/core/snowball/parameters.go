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
	// AlphaConfidence is the number of votes that confirms it.
	AlphaConfidence int
	// Beta is the number of polls in a row, with AlphaConfidence votes each, after which a node is confident: it then
	// gives its prepare vote. It is a matter of speed; docs/finality.md says what decides.
	Beta int
	// ConcurrentRepolls is the number of polls kept open while there is something to choose.
	ConcurrentRepolls int
	// OptimalProcessing is the number of undecided blocks at which no more are built, but for one on a block that a
	// quorum has prepared.
	OptimalProcessing int
	// MaxOutstandingItems is the number of undecided blocks above which the chain is reported unhealthy, and none is
	// issued.
	MaxOutstandingItems int
	// MaxItemProcessingTime is the time undecided above which the chain is reported unhealthy.
	MaxItemProcessingTime time.Duration

	plain bool // no tie-break: the control of the simulation, which must then stand still
}

// Tolerated is the number of sampled units whose owners may lie without keeping the others apart: what AlphaConfidence
// asks above a majority.
func (p *Parameters) Tolerated() int { return p.AlphaConfidence - p.AlphaPreference }

func (p *Parameters) String() string {
	return fmt.Sprintf("k=%d preference=%d confidence=%d beta=%d",
		p.K, p.AlphaPreference, p.AlphaConfidence, p.Beta)
}

// Plain are the same parameters without the tie-break: the control of simulations, which must then stand still before a
// tie.
func (p *Parameters) Plain() Parameters {
	plain := *p
	plain.plain = true
	return plain
}
