package sim

import (
	"time"

	"github.com/reevenet/reeve/internal/core/snowball"
)

// Bad names parameters that are known to be bad. A simulation that doesn't find them out isn't worth much: these are its controls.
type Bad string

// The controls.
const (
	// ThreeOfFive lets three votes of five decide: one liar who flatters everybody splits the network.
	ThreeOfFive Bad = "3-of-5"
	// FifteenOfTwenty asks for fifteen of twenty votes to change a mind, without our rule for ties: where several blocks compete it stands
	// still.
	FifteenOfTwenty Bad = "15-of-20"
)

// change puts the control's parameters into a plan.
func (b Bad) change(p *plan) {
	switch b {
	case ThreeOfFive:
		p.validators, p.liars, p.lie, p.lieOn = 5, 1, flatter, true
		p.params = snowball.For(5)
		p.params.AlphaPreference, p.params.AlphaConfidence, p.params.BetaUnanimous = 3, 3, 0
	case FifteenOfTwenty:
		p.validators, p.liars = 20, 0
		p.params = snowball.For(20)
		p.params = p.params.Plain()
		p.params.AlphaPreference, p.params.AlphaConfidence, p.params.BetaUnanimous = 15, 15, 0
	default:
		return
	}
	p.unchecked = true
	// Slow links make several proposers step in at one height, so that there is something to disagree about.
	p.least, p.most = 300*time.Millisecond, 1500*time.Millisecond
}
