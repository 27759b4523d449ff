package sim

import (
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest/virtual"
)

// Timing is how long things take in one world.
type Timing struct {
	// Near and Far bound the one-way delays of links, each of which is drawn once.
	Near, Far time.Duration
	// Hop is the longest way between two processes of a machine.
	Hop time.Duration
	// Work is the longest time of a piece of offloaded work.
	Work time.Duration
	// Restart is the longest pause before a process that ended is started again.
	Restart time.Duration
}

func drawTiming(r *rand.Rand) Timing {
	near := virtual.Between(r, 100*time.Microsecond, 20*time.Millisecond)
	return Timing{
		Near: near, Far: near + virtual.Between(r, 0, 60*time.Millisecond),
		Hop:     virtual.Between(r, 10*time.Microsecond, 500*time.Microsecond),
		Work:    virtual.Between(r, 100*time.Microsecond, 5*time.Millisecond),
		Restart: virtual.Between(r, 50*time.Millisecond, time.Second),
	}
}
