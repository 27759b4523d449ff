package overseertest

import (
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/overseer/overseertest/virtual"
)

// Runtime is a runtime for tests: time stands still until the test advances it, and offloaded work is done at once.
type Runtime struct {
	*virtual.Runtime
	clock *virtual.Scheduler
}

// NewRuntime begins at a fixed time with a fixed seed.
func NewRuntime() *Runtime {
	clock := virtual.New()
	return &Runtime{Runtime: clock.Runtime(rand.New(rand.NewPCG(1, 2)), nil), clock: clock}
}

// Next fires the next timer that is due by until, moving the time to it; it tells whether there was one.
func (r *Runtime) Next(until time.Time) bool { return r.clock.Next(until.Sub(virtual.Epoch)) }
