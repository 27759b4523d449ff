package consensus

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
)

// Bad names a network that is known to be bad. A simulation that doesn't find it out isn't worth much: these are its
// controls.
type Bad string

// The controls.
const (
	// QuorumOfHalf takes half of the stake for a quorum.
	QuorumOfHalf Bad = "quorum-of-half"
	// PrepareSkipped commits without a quorum of prepare votes.
	PrepareSkipped Bad = "prepare-skipped"
	// LocksForgotten has an engine begin again as if the votes that it has given didn't bind it.
	LocksForgotten Bad = "locks-forgotten"
	// VotesBeforeSync has the keystore answer before what it has signed is durable: its disk says too early that it is.
	VotesBeforeSync Bad = "votes-before-sync"
)

// controls make a network of four bad, and put it where that matters.
var controls = map[Bad]func(*network){
	QuorumOfHalf: func(net *network) {
		net.flaws.HalfQuorum = true
		net.always(net.halves())
	},
	PrepareSkipped: func(net *network) {
		net.flaws.SkipPrepare, net.ahead.divided = true, true
		net.always(net.oneLiar(Plot), net.ahead.fault(time.Second, time.Second, nothing))
	},
	LocksForgotten: func(net *network) {
		net.flaws.ForgetLocks, net.ahead.divided = true, true
		net.always(net.oneLiar(Plot), net.ahead.fault(time.Second, time.Second, forgetful))
	},
	VotesBeforeSync: func(net *network) {
		net.lying = lyingFor
		net.always(net.ahead.fault(time.Second, time.Second, blackout))
	},
}

// lyingFor is by how much the disks of VotesBeforeSync are late.
const lyingFor = 300 * time.Millisecond

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
		net.equal(4)
		change(net)
	}
}

// equal makes it a network of so many validators with one stake each.
func (net *network) equal(size int) {
	net.size, net.weights = size, slices.Repeat([]uint64{100}, size)
}

// always has faults happen in every seed, also in a calm network, and plugins that crash where the seed says so.
func (net *network) always(faults ...sim.Fault) {
	net.faults = []sim.Fault{net.plugins()}
	for _, f := range faults {
		f.Always = true
		net.faults = append(net.faults, f)
	}
}

// oneLiar is the fault of one liar of a kind.
func (net *network) oneLiar(kind Lie) sim.Fault { return net.someLiars(kind, 1) }

// someLiars is the fault of so many liars of a kind.
func (net *network) someLiars(kind Lie, nodes int) sim.Fault {
	return sim.Fault{Name: "liars", Begin: func(r *rand.Rand) {
		for _, i := range r.Perm(net.size)[:nodes] {
			net.lies.begin(r, kind, i)
		}
	}}
}

// halves is the fault of a network that falls into halves.
func (net *network) halves() sim.Fault {
	w := net.World
	f := w.Repeated("halves", time.Second, 4*time.Second, func(r *rand.Rand) {
		w.Part(virtual.Between(r, time.Second, 8*time.Second), func(from, to int) bool {
			return (from < net.size/2) != (to < net.size/2)
		})
	})
	f.End = func() { w.Network.Heal() }
	return f
}
