package consensus

import (
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
)

// maxAstray is by how much a clock goes astray: nobody waits for that long.
const maxAstray = 2 * time.Hour

// astray is a validator whose clock is far off at times. What it builds then is from a future in which nobody else
// believes, or what all others build is from its own. It may do no more harm than one that lies, so it has less than a
// third of the stake together with those: with more, blocks from the future are what the network decides.
type astray struct {
	net   *network
	index int // of the validator; -1: none has so little stake
	drawn bool
	count *uint64
}

func newAstray(net *network) *astray {
	return &astray{net: net, count: net.World.Fault("clocksAstray")}
}

func (a *astray) fault() sim.Fault {
	f := a.net.World.Repeated("astray", 2*time.Second, 10*time.Second, a.strike)
	f.End = func() { a.set(0) }
	return f
}

func (a *astray) strike(r *rand.Rand) {
	if !a.drawn {
		a.drawn, a.index = true, a.draw(r)
	}
	away := virtual.Between(r, 100*time.Millisecond, 8*time.Second)
	a.set(virtual.Between(r, -maxAstray, maxAstray))
	a.net.World.Clock.After(away, func() { a.set(0) })
}

// draw chooses who it is, when it is known who lies: an honest one, or else one of these.
func (a *astray) draw(r *rand.Rand) int {
	var lying uint64
	liar := -1
	for i := range a.net.size {
		if a.net.lies.is(i) {
			lying += a.net.Set.StakeOf(i)
			liar = i
		}
	}
	for _, i := range r.Perm(a.net.size) {
		if !a.net.lies.is(i) && 3*(lying+a.net.Set.StakeOf(i)) < a.net.Set.TotalStake() {
			return i
		}
	}
	return liar
}

func (a *astray) set(ahead time.Duration) {
	if !a.drawn || a.index < 0 {
		return
	}
	if ahead != 0 {
		*a.count++
	}
	a.net.World.Nodes[a.index].SetClock(ahead)
}
