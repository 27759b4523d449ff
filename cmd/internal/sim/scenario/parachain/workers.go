package parachain

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/candidatevalidation"
	"github.com/reevenet/reeve/services/candidatevalidation/guest"
	"github.com/reevenet/reeve/services/collator/ledger"
)

// code stands for the ledger's validation code, which runs here as a Go value.
var code = []byte("the ledger, as a Go value")

// validate is what the code does.
func validate(hash primitives.Hash, params []byte) ([]byte, error) {
	if hash != primitives.HashOf(code) {
		return nil, errors.New("there is no such code")
	}
	p, err := guest.DecodeParams(params)
	if err != nil {
		return nil, err
	}
	head, _, err := ledger.Validate(p.ParentHead, p.BlockData)
	return guest.Outputs{HeadData: head}.Encode(), err
}

func (net *network) validation(i *sim.Incarnation) subsystem.Spec {
	r := &runs{net: net, process: i, rng: net.World.RNG("workers", i.Node.Index)}
	return candidatevalidation.Spec(candidatevalidation.Config{Runs: r})
}

// runs are the workers of one node: they take their time, and are lost now and then.
type runs struct {
	net     *network
	process *sim.Incarnation
	rng     *rand.Rand
}

// longestRun is how long a run takes at most.
const longestRun = 30 * time.Millisecond

// Run is candidatevalidation.Workers'.
func (r *runs) Run(j candidatevalidation.Job, done func(candidatevalidation.Outcome)) {
	lost := virtual.Chance(r.rng, r.net.lost)
	r.net.World.Clock.Do(virtual.Between(r.rng, time.Millisecond, longestRun), func() {
		if !r.process.Alive() {
			return
		}
		if lost {
			*r.net.World.Fault("workersLost")++
			done(candidatevalidation.Outcome{End: candidatevalidation.Lost, Detail: "a worker was killed"})
			return
		}
		done(r.outcome(j))
	})
}

// Prepare is candidatevalidation.Workers': there is nothing to prepare, but time passes.
func (r *runs) Prepare(_ primitives.Hash, _ []byte, done func(error)) {
	r.net.World.Clock.Do(longestRun, func() {
		if r.process.Alive() {
			done(nil)
		}
	})
}

func (r *runs) outcome(j candidatevalidation.Job) candidatevalidation.Outcome {
	if head := r.net.lies.vouches(r, j.Params); head != nil {
		return candidatevalidation.Outcome{
			End: candidatevalidation.Returned, Outputs: guest.Outputs{HeadData: head}.Encode(),
		}
	}
	out, err := validate(j.CodeHash, j.Params)
	if err != nil {
		return candidatevalidation.Outcome{End: candidatevalidation.Declined, Detail: err.Error()}
	}
	return candidatevalidation.Outcome{End: candidatevalidation.Returned, Outputs: out}
}

// Status is candidatevalidation.Workers'.
func (*runs) Status() []candidatevalidation.Worker { return nil }

// Close is candidatevalidation.Workers'.
func (*runs) Close() {}
