package engine

import (
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowman"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// leastTick is the shortest time after which the core is ticked.
const leastTick = 100 * time.Microsecond

// driver runs the core from its start to its stop: what comes out of an input is performed in order, and a timer is set
// for when the core wants to go on by itself. Before and after, inputs are dropped.
type driver struct {
	sub     *subsystem.Sub
	perform func(snowman.Action)
	settled func() // called after each input: what gives way to blocks may go on

	core    *snowman.Core // nil until the last accepted block is known
	timer   func()        // cancels the next tick; nil: none is set
	timerAt time.Time
	syncing bool // as the network bridge knows it
	stopped bool
}

func (d *driver) start(core *snowman.Core) { d.core = core }

// started tells whether there is a core to ask.
func (d *driver) started() bool { return d.core != nil }

// deciding tells whether votes of a height are still of use.
func (d *driver) deciding(height uint64) bool { return d.core != nil && d.core.Deciding(height) }

// underWay tells whether a block is being made or decided.
func (d *driver) underWay() bool { return d.core != nil && d.core.UnderWay() }

// last is the last durable block. To be asked once it has started.
func (d *driver) last() snowman.Anchor { return d.core.Status().LastAccepted }

// block returns a block that this node vouches for and that isn't durable yet.
func (d *driver) block(id primitives.Hash) (*block.Block, bool) {
	if d.core == nil {
		return nil, false
	}
	return d.core.Block(id)
}

// accepted tells whether a block was accepted lately and is durable. False also for older ones.
func (d *driver) accepted(id primitives.Hash) bool { return d.core != nil && d.core.Accepted(id) }

// step passes the core one input and performs what follows from it.
func (d *driver) step(in snowman.Input) {
	if d.core != nil && !d.stopped {
		d.after(d.core.Step(d.sub.Now(), in))
	}
}

func (d *driver) after(actions []snowman.Action) {
	for _, a := range actions {
		d.perform(a)
	}
	d.arm()
	d.notifySyncing()
	d.settled()
}

// arm sets the timer for the core's next tick.
func (d *driver) arm() {
	next := d.core.Next()
	if d.timer != nil {
		if d.timerAt.Equal(next) {
			return
		}
		d.timer()
	}
	d.timerAt = next
	d.timer = d.sub.After(max(next.Sub(d.sub.Now()), leastTick), func() {
		d.timer = nil
		if !d.stopped {
			d.after(d.core.Tick(d.sub.Now()))
		}
	})
}

// notifySyncing lets the network bridge know when catching up begins and ends: views of old leaves help nobody.
func (d *driver) notifySyncing() {
	if now := d.core.CatchingUp(); now != d.syncing {
		d.syncing = now
		d.sub.Send(&nbv1.SetSyncing{Syncing: now})
		d.sub.Log.Info("catching up", "under way", now, "height", d.last().Height)
	}
}

// stop ends what is outstanding.
func (d *driver) stop() {
	d.stopped = true
	if d.timer != nil {
		d.timer()
	}
	if d.core != nil {
		d.core.Stop()
	}
}
