package snowball

import (
	"fmt"
	"time"
)

// A region is a range of parameters that simulation found live; TestEveryRegion… and the network simulation of
// package snowman run it, and the rows known to be bad beside it. Parameters outside of every region are refused.
type region struct {
	name             string
	minN, maxN       int // validators, or units of stake where they are uneven
	census           bool
	minK, maxK       int
	minBeta, maxBeta int
}

var regions = []region{
	{name: "census", minN: 1, maxN: 20, census: true, minK: 1, maxK: 20, minBeta: 1, maxBeta: 64},
	{name: "sample", minN: 21, maxN: 1 << 31, minK: 20, maxK: 20, minBeta: 1, maxBeta: 64},
}

// For returns the parameters for a set of n validators of equal stake, or of n units of stake. Up to twenty, all are
// asked in every poll. A majority moves the preference; confidence needs (n-1)/4 votes more, so that it means something
// although as many lie: 1 of 1, 2 of 2, 2 of 3, 3 of 4, 4 of 5, 5 of 7, 10 of 13, 15 of 20. A larger set is sampled,
// with the same 15 of 20.
//
// Nothing is built on an undecided block: heights are decided one after the other, so more blocks would only queue, each
// with a little in it, and what is in the last would wait for all of them.
func For(n int) Parameters {
	p := Parameters{
		K: min(n, 20), Beta: 1, ConcurrentRepolls: 1, OptimalProcessing: 1, MaxOutstandingItems: 256,
		MaxItemProcessingTime: 30 * time.Second,
	}
	p.AlphaPreference = p.K/2 + 1
	p.AlphaConfidence = p.AlphaPreference + (p.K-1)/4
	return p
}

// Validate refuses what no simulation has found live for a set of n validators, or n units of stake.
func (p *Parameters) Validate(n int) error {
	if err := p.sane(); err != nil {
		return fmt.Errorf("snow parameters %s: %w", p, err)
	}
	for _, r := range regions {
		if n >= r.minN && n <= r.maxN {
			if err := r.holds(p, n); err != nil {
				return fmt.Errorf("snow parameters %s for %d validators: %w; %s is known to work", p, n, err,
					recommend(n))
			}
			return nil
		}
	}
	return fmt.Errorf("snow parameters: no known ones for %d validators", n)
}

// sane is what must hold for any set.
func (p *Parameters) sane() error {
	switch {
	case p.AlphaPreference <= p.K/2 || p.AlphaPreference > p.AlphaConfidence || p.AlphaConfidence > p.K:
		return fmt.Errorf("k/2 < preference <= confidence <= k doesn't hold")
	case p.ConcurrentRepolls <= 0 || p.ConcurrentRepolls > p.Beta:
		return fmt.Errorf("0 < concurrent repolls <= beta doesn't hold: %d", p.ConcurrentRepolls)
	case p.OptimalProcessing <= 0 || p.MaxOutstandingItems < p.OptimalProcessing || p.MaxItemProcessingTime <= 0:
		return fmt.Errorf("the limits of undecided blocks (optimal %d, most %d, for %s) make no sense",
			p.OptimalProcessing, p.MaxOutstandingItems, p.MaxItemProcessingTime)
	}
	return nil
}

func (r region) holds(p *Parameters, n int) error {
	lie := (p.K - 1) / 4
	switch {
	case r.census && p.K != n:
		return fmt.Errorf("a set this small is asked as a whole, so k has to be %d", n)
	case p.K < r.minK || p.K > r.maxK:
		return fmt.Errorf("k is outside of %d to %d", r.minK, r.maxK)
	case p.AlphaPreference != p.K/2+1:
		return fmt.Errorf("a preference that needs more than a plain majority stands still before a tie")
	case p.AlphaConfidence < p.AlphaPreference+lie:
		return fmt.Errorf("%d liars in a sample can keep the others apart", lie)
	case p.K > 3 && p.AlphaConfidence > p.K-max(1, lie):
		return fmt.Errorf("one silent validator could stop the chain")
	case p.Beta < r.minBeta || p.Beta > r.maxBeta:
		return fmt.Errorf("beta is outside of %d to %d", r.minBeta, r.maxBeta)
	}
	return nil
}

func recommend(n int) string {
	p := For(n)
	return p.String()
}
