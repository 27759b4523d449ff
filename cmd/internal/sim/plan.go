package sim

import (
	"math/rand/v2"
	"time"

	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/services/networkbridge/memnet"
)

// plan is what one seed does to its network. Every seed turns a random part of the faults on, at random rates: a run with all of
// them on at once finds less, since nothing gets far enough to break. (Groce et al., "Swarm testing", ISSTA 2012.)
type plan struct {
	validators int
	params     snowball.Parameters
	// duration is how long faults happen; afterwards everything heals.
	duration time.Duration

	least, most time.Duration // one-way delays of links
	network     memnet.Faults
	// mean times between faults; 0: never
	partition, processCrash, powerCut, overseerCrash, pluginCrash, hang time.Duration
	// diskFaults is the probability that a write to the keystore's disk fails.
	diskFaults float64
	liars      int
	lie        lie
	// lieOn: liars go on when everything else has healed.
	lieOn bool
	// unchecked: the parameters are a control's.
	unchecked bool

	quiet   time.Duration // before the users begin
	users   int
	think   time.Duration
	hop     time.Duration // longest way between two processes
	fsync   time.Duration // longest time of offloaded work
	restart time.Duration // longest pause before a process is started again
}

// newPlan draws a plan.
func newPlan(cfg Config, seed uint64) plan {
	r := virtual.RNG(seed, "plan")
	p := plan{
		validators: cfg.Validators, duration: cfg.Duration, users: 1 + r.IntN(6), think: virtual.Between(r, 50*time.Millisecond, time.Second),
		hop: virtual.Between(r, 10*time.Microsecond, 500*time.Microsecond), fsync: virtual.Between(r, 100*time.Microsecond, 5*time.Millisecond),
		restart: virtual.Between(r, 50*time.Millisecond, time.Second),
		least:   virtual.Between(r, 100*time.Microsecond, 20*time.Millisecond),
	}
	if p.validators == 0 {
		p.validators = 5 + r.IntN(9)
	}
	p.most = p.least + virtual.Between(r, 0, 60*time.Millisecond)
	p.params = snowball.For(p.validators)
	if cfg.Calm {
		p.quiet = 1500 * time.Millisecond // the nodes find each other first
	} else {
		p.drawFaults(r)
	}
	return p
}

func (p *plan) drawFaults(r *rand.Rand) {
	on := func() bool { return r.IntN(2) == 0 }
	rate := func(d *time.Duration, least, most time.Duration) {
		if drawn := virtual.Between(r, least, most); on() {
			*d = drawn
		}
	}
	share := func(f *float64, most float64) {
		if drawn := r.Float64() * most; on() {
			*f = drawn
		}
	}
	share(&p.network.Loss, 0.3)
	share(&p.network.Repeat, 0.3)
	share(&p.network.Reorder, 0.3)
	share(&p.network.Late, 0.1)
	rate(&p.network.Jitter, time.Millisecond, 100*time.Millisecond)
	rate(&p.partition, time.Second, 8*time.Second)
	rate(&p.processCrash, 500*time.Millisecond, 5*time.Second)
	rate(&p.powerCut, time.Second, 10*time.Second)
	rate(&p.overseerCrash, time.Second, 10*time.Second)
	rate(&p.pluginCrash, time.Second, 10*time.Second)
	rate(&p.hang, 2*time.Second, 10*time.Second)
	share(&p.diskFaults, 0.02)
	if lies := lie(1 + r.IntN(int(lieKinds)-1)); on() {
		p.lie, p.liars = lies, p.params.Tolerated()
	}
}
