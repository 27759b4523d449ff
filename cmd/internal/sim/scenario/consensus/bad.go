package consensus

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/services/engine"
)

// Bad names a network that is known to be bad. A simulation that doesn't find it out isn't worth much: these are its
// controls.
type Bad string

// The controls.
const (
	// ThreeOfFive lets three votes of five decide: one liar who flatters everybody splits the network.
	ThreeOfFive Bad = "3-of-5"
	// FifteenOfTwenty asks for fifteen of twenty votes to change a mind, without our rule for ties: where several
	// blocks compete it stands still.
	FifteenOfTwenty Bad = "15-of-20"
	// QuorumOfHalf takes half of the stake for a quorum.
	QuorumOfHalf Bad = "quorum-of-half"
	// PrepareSkipped commits without a quorum of prepare votes.
	PrepareSkipped Bad = "prepare-skipped"
	// LocksForgotten has an engine begin again without the votes that it has given.
	LocksForgotten Bad = "locks-forgotten"
	// VotesBeforeSync has the keystore answer before what it has signed is durable: its disk says too early that it is.
	VotesBeforeSync Bad = "votes-before-sync"
)

// controls make a network bad.
var controls = map[Bad]func(*network){
	ThreeOfFive: func(net *network) {
		net.equal(5)
		net.unchecked = true
		net.params = snowball.For(5)
		net.params.AlphaPreference, net.params.AlphaConfidence = 3, 3
		net.slow()
		net.faults = []sim.Fault{net.plugins(), net.oneLiar(Flatter)}
	},
	FifteenOfTwenty: func(net *network) {
		net.equal(20)
		net.unchecked = true
		net.params = snowball.For(20)
		net.params = net.params.Plain()
		net.params.AlphaPreference, net.params.AlphaConfidence = 15, 15
		net.slow()
		net.faults = []sim.Fault{net.plugins()}
	},
	QuorumOfHalf: func(net *network) {
		net.equal(4)
		net.flaws.HalfQuorum = true
		net.slow()
		net.faults = []sim.Fault{net.plugins()}
	},
	PrepareSkipped: func(net *network) {
		net.equal(4)
		net.flaws.SkipPrepare = true
		net.slow()
		net.faults = []sim.Fault{net.plugins(), net.oneLiar(Flatter)}
	},
	LocksForgotten: func(net *network) {
		net.equal(4)
		net.flaws.ForgetVotes = true
		net.slow()
		net.faults = []sim.Fault{net.plugins(), net.oneLiar(Flatter), net.engines()}
	},
	VotesBeforeSync: func(net *network) {
		net.equal(4)
		net.lying = lyingFor
		site := net.world.Repeated("lights", 2*time.Second, 4*time.Second, net.world.CutSite)
		site.Always = true
		net.faults = []sim.Fault{net.plugins(), site}
	},
}

// lyingFor is how long the disks of VotesBeforeSync take for what they say they have done.
const lyingFor = 300 * time.Millisecond

// Check tells whether there is such a control, or none was named.
func (b Bad) Check() error {
	if _, known := controls[b]; !known && b != "" {
		return fmt.Errorf("there is no control %q; there are %s", b, strings.Join(BadNames(), ", "))
	}
	return nil
}

// BadNames lists the controls.
func BadNames() (names []string) {
	for b := range controls {
		names = append(names, string(b))
	}
	slices.Sort(names)
	return names
}

// change makes a network the control's.
func (b Bad) change(net *network) {
	if change := controls[b]; change != nil {
		change(net)
	}
}

// equal makes it a network of so many validators with one stake each.
func (net *network) equal(size int) {
	net.size, net.weights = size, slices.Repeat([]uint64{100}, size)
}

// slow makes links so slow that several proposers step in at one height: there is something to disagree about.
func (net *network) slow() {
	net.world.Timing.Near, net.world.Timing.Far = 300*time.Millisecond, 1500*time.Millisecond
}

// oneLiar is the fault of one liar of a kind.
func (net *network) oneLiar(kind Lie) sim.Fault { return net.someLiars(kind, 1) }

// someLiars is the fault of so many liars of a kind.
func (net *network) someLiars(kind Lie, nodes int) sim.Fault {
	return sim.Fault{Name: "liars", Always: true, Begin: func(r *rand.Rand) {
		for _, i := range r.Perm(net.size)[:nodes] {
			net.lies.begin(r, kind, i)
		}
	}}
}

// engines is the fault of engines that are killed all the time.
func (net *network) engines() sim.Fault {
	f := net.world.Repeated("engines", 300*time.Millisecond, time.Second, func(r *rand.Rand) {
		net.world.Crash(r, engine.Name)
	})
	f.Always = true
	return f
}
