package consensus

import (
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/services/engine"
)

// What happens to the others when one node is ahead.
type misfortune int

const (
	nothing   misfortune = iota
	blackout             // they lose power, and come back without the one that is ahead
	forgetful            // their engines die
	misfortunes
)

// ahead is the fault of a node that has decided and is cut off in that moment, before the others have: nobody learns
// what it has told its users. What it decided has to be decided all the same.
type ahead struct {
	net   *network
	rng   *rand.Rand
	kinds []misfortune // that are drawn from
	armed bool
	// divided: it waits for a height at which two blocks compete.
	divided bool
	count   *uint64
}

func newAhead(net *network) *ahead { return &ahead{net: net, count: net.World.Fault("cutOffAhead")} }

// fault arms it again and again, to strike at the next decision. kinds: what happens to the others; none: anything.
func (a *ahead) fault(least, most time.Duration, kinds ...misfortune) sim.Fault {
	f := a.net.World.Repeated("ahead", least, most, func(r *rand.Rand) { a.rng, a.kinds, a.armed = r, kinds, true })
	f.End = func() { a.armed = false }
	return f
}

// decided takes notice of the first honest node that has made a decision durable.
func (a *ahead) decided(r *replica, height uint64) {
	if a.armed && (!a.divided || len(r.chain.votes.at[height]) > 1) {
		a.armed = false
		a.net.World.Clock.Do(0, func() { a.strike(r.node) })
	}
}

func (a *ahead) strike(first *sim.Node) {
	w := a.net.World
	away := virtual.Between(a.rng, time.Second, 10*time.Second)
	kind := misfortune(a.rng.IntN(int(misfortunes)))
	if len(a.kinds) > 0 {
		kind = a.kinds[a.rng.IntN(len(a.kinds))]
	}
	w.Note("node %d is ahead, and cut off for %v", first.Index, away)
	*a.count++
	w.Part(away, func(from, to int) bool { return from == first.Index || to == first.Index })
	for _, n := range w.Nodes {
		switch {
		case n == first:
		case kind == blackout:
			n.CutPower(virtual.Between(a.rng, 100*time.Millisecond, time.Second))
		case kind == forgetful:
			n.Kill(engine.Name)
		}
	}
}
