package parachain

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
)

// Bad names a network that is known to be bad: a control, which has to be found out.
type Bad string

// The controls.
const (
	// ClaimsUnstored has availability-stores say that every chunk is there.
	ClaimsUnstored Bad = "claims-unstored"
	// AcksBeforeSync has disks say that what was written is durable before it is.
	AcksBeforeSync Bad = "acks-before-sync"
	// CodeUnchecked has every validator believe what a collator says that its block yields.
	CodeUnchecked Bad = "code-unchecked"
)

// controls make a network bad, and put it where that matters.
var controls = map[Bad]func(*network){
	ClaimsUnstored: func(net *network) {
		net.claims = true
		net.always(net.someLiars(Withhold, 1))
	},
	AcksBeforeSync: func(net *network) {
		net.unsynced = lateFor
		net.always(net.World.Repeated("power", time.Second, time.Second, net.World.CutSite))
	},
	CodeUnchecked: func(net *network) {
		net.trusting = true
		net.always(net.someLiars(Garbage, 1))
	},
}

// lateFor is by how much the disks of AcksBeforeSync are late.
const lateFor = 2 * time.Second

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
		net.size, net.paras = 4, 1
		change(net)
	}
}

// always has faults happen in every seed, also in a calm network, and no others of the scenario's.
func (net *network) always(faults ...sim.Fault) {
	net.faults = nil
	for _, f := range faults {
		f.Always = true
		net.faults = append(net.faults, f)
	}
}

// someLiars is the fault of so many liars of a kind.
func (net *network) someLiars(kind Lie, nodes int) sim.Fault {
	return sim.Fault{Name: "liars", Begin: func(r *rand.Rand) {
		for _, i := range r.Perm(net.size)[:nodes] {
			net.lies.begin(i, kind)
		}
	}}
}
