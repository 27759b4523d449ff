package consensus

import (
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/internal/core/snowball"
)

// Bad names parameters that are known to be bad. A simulation that doesn't find them out isn't worth much: these are
// its controls.
type Bad string

// The controls.
const (
	// ThreeOfFive lets three votes of five decide: one liar who flatters everybody splits the network.
	ThreeOfFive Bad = "3-of-5"
	// FifteenOfTwenty asks for fifteen of twenty votes to change a mind, without our rule for ties: where several
	// blocks compete it stands still.
	FifteenOfTwenty Bad = "15-of-20"
)

// change makes a network the control's.
func (b Bad) change(net *network) {
	switch b {
	case ThreeOfFive:
		net.size = 5
		net.params = snowball.For(5)
		net.params.AlphaPreference, net.params.AlphaConfidence = 3, 3
		// It doesn't stop when all heals.
		liar := sim.Fault{Name: "liars", Always: true, Begin: net.lies.begin(flatter, 1)}
		net.faults = []sim.Fault{net.plugins(), liar}
	case FifteenOfTwenty:
		net.size = 20
		net.params = snowball.For(20)
		net.params = net.params.Plain()
		net.params.AlphaPreference, net.params.AlphaConfidence = 15, 15
		net.faults = []sim.Fault{net.plugins()}
	default:
		return
	}
	net.unchecked = true
	// Slow links make several proposers step in at one height, so that there is something to disagree about.
	net.world.Timing.Near, net.world.Timing.Far = 300*time.Millisecond, 1500*time.Millisecond
}
