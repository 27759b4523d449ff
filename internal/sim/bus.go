package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/broker"
	"github.com/reevenet/reeve/internal/buswire"
	"github.com/reevenet/reeve/internal/sim/virtual"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// bus is a node's overseer with its connections: what a subsystem writes reaches the overseer a moment later, and what the overseer
// has for it is taken a moment later again. When the overseer dies what was on its way is lost.
type bus struct {
	node   *node
	core   *overseer.Core // nil while the overseer is down
	epoch  uint64
	names  buswire.Names
	intake [2][]parcel // by stream: primary, bulk
	lives  map[*broker.Instance]*life
}

// parcel is one batch of frames on its way to the overseer.
type parcel struct {
	from  *link
	bytes []byte
}

// link is one attachment's way to the overseer.
type link struct {
	life *life
	inst *broker.Instance
	up   bool
	bulk bool // the second stream stands
	// taking: something waits for it and will be taken soon.
	taking bool
}

var errLinkDown = errors.New("the overseer is gone")

// Write is subsystem.Link.
func (k *link) Write(b *buswire.Batch, bulk bool) error {
	if !k.up {
		return errLinkDown
	}
	stream := broker.Primary
	if bulk && k.bulk {
		stream = broker.Bulk
	}
	u := &k.life.node.bus
	u.intake[stream] = append(u.intake[stream], parcel{k, b.Bytes})
	if len(u.intake[stream]) == 1 {
		u.later(func() { u.takeIn(stream) })
	}
	return nil
}

// hop is how long a batch takes from one process to another on one machine.
func (u *bus) hop() time.Duration {
	return virtual.Between(u.node.luck, 5*time.Microsecond, u.node.net.plan.hop)
}

// later plans something of this overseer's life.
func (u *bus) later(f func()) {
	epoch := u.epoch
	u.node.net.clock.After(u.hop(), func() {
		if u.core != nil && u.epoch == epoch {
			f()
		}
	})
}

// takeIn gives the overseer what has arrived.
func (u *bus) takeIn(stream int) {
	parcels := u.intake[stream]
	u.intake[stream] = nil
	now := u.node.net.clock.Now()
	for _, p := range parcels {
		if !p.from.up {
			continue
		}
		err := u.core.Frames(now, p.from.inst, p.bytes, u.names)
		switch {
		case errors.Is(err, overseer.ErrGoodbye):
			u.detach(p.from, true, "it said goodbye")
		case err != nil:
			u.node.net.violate("bus", fmt.Sprintf("node %d: %s sent frames that the overseer can't read", u.node.index, p.from.life.slot.name))
		}
	}
	u.serve()
}

// serve sees to it that those who have something to take will take it.
func (u *bus) serve() {
	for _, i := range u.core.Broker.Woken() {
		if l := u.lives[i]; l != nil && !l.link.taking {
			l.link.taking = true
			u.later(func() { u.give(l) })
		}
	}
}

// takeLimit is the size up to which a batch is filled.
const takeLimit = 64 << 10

// give brings a subsystem what the overseer has for it.
func (u *bus) give(l *life) {
	k := l.link
	if k == nil || !k.up {
		return
	}
	k.taking = false
	if l.hung {
		return
	}
	for primary, bulk := u.core.Broker.Ready(k.inst); primary || bulk; primary, bulk = u.core.Broker.Ready(k.inst) {
		took := primary && u.hand(k, broker.Primary)
		if bulk && k.bulk {
			took = u.hand(k, broker.Bulk) || took
		}
		if !took {
			break
		}
	}
	u.serve()
	l.step()
}

// hand takes one batch to a subsystem; false: there was nothing.
func (u *bus) hand(k *link, stream int) bool {
	batch := &buswire.Batch{}
	u.core.Broker.Take(u.node.net.clock.Now(), k.inst, stream, batch, takeLimit)
	if batch.Len() == 0 {
		return false
	}
	if err := k.life.machine.Receive(batch.Bytes); err != nil {
		u.node.net.violate("bus", fmt.Sprintf("node %d: %s can't read the overseer's frames: %v", u.node.index, k.life.slot.name, err))
	}
	return true
}

// attach introduces a process to the overseer, if that one is up.
func (u *bus) attach(l *life) {
	if u.core == nil || l.link != nil || !l.alive || l.hung {
		return
	}
	inst, welcome, err := u.core.Attach(u.node.net.clock.Now(), l.machine.Hello(nil, l.slot.name, 0))
	if err != nil {
		u.node.net.violate("attach", fmt.Sprintf("node %d: %s: %v", u.node.index, l.slot.name, err))
		return
	}
	k := &link{life: l, inst: inst, up: true}
	l.link, u.lives[inst] = k, l
	l.machine.Attached(k, welcome)
	u.later(func() {
		if k.up {
			k.bulk = true
			u.core.Broker.BulkStream(inst)
			u.serve()
		}
	})
	u.serve()
}

// detach is the overseer learning that a connection has ended.
func (u *bus) detach(k *link, clean bool, why string) {
	if !k.up {
		return
	}
	k.up = false
	delete(u.lives, k.inst)
	u.core.Detach(u.node.net.clock.Now(), k.inst, clean, why)
	u.serve()
}

// start starts the overseer anew; the processes find it by themselves.
func (u *bus) start() {
	if u.core != nil {
		return
	}
	u.epoch++
	core, err := overseer.New(overseer.Config{Specs: u.node.specs(), Epoch: u.epoch, Log: u.node.log.With("subsystem", "overseer")})
	if err != nil {
		u.node.net.violate("overseer", err.Error())
		return
	}
	u.core, u.lives, u.names = core, map[*broker.Instance]*life{}, buswire.Names{}
	for _, s := range u.node.slots {
		if l := s.life; l != nil {
			u.node.net.clock.After(virtual.Between(u.node.luck, time.Millisecond, 50*time.Millisecond), func() { u.attach(l) })
		}
	}
	u.tick()
}

// crash ends the overseer; every process loses its link.
func (u *bus) crash() {
	if u.core == nil {
		return
	}
	u.core, u.intake, u.lives = nil, [2][]parcel{}, nil
	for _, s := range u.node.slots {
		if l := s.life; l != nil && l.link != nil {
			l.lost()
		}
	}
}

// tick is the overseer's watch, and the heartbeats of those who live.
func (u *bus) tick() {
	epoch := u.epoch
	u.node.net.clock.After(broker.TickEvery, func() {
		if u.core == nil || u.epoch != epoch {
			return
		}
		now := u.node.net.clock.Now()
		for _, s := range u.node.slots {
			if l := s.life; l != nil && !l.hung && l.link != nil && l.link.up {
				u.core.Broker.Heartbeat(now, l.link.inst, 0, 0)
			}
		}
		u.core.Broker.Tick(now)
		u.act(u.core.Broker.Events())
		u.serve()
		u.tick()
	})
}

// act does what the overseer's watchdogs ask for.
func (u *bus) act(events []broker.Event) {
	for _, e := range events {
		switch e.Kind {
		case broker.Kill:
			if l := u.lives[e.Instance]; l != nil {
				u.node.net.note(fmt.Sprintf("node %d: the overseer ends %s: %s", u.node.index, l.slot.name, e.Cause))
				u.node.net.count.Watchdog++
				l.kill("the watchdog")
			}
		case broker.Quarantined:
			u.node.net.count.Quarantined++
			u.node.net.note(fmt.Sprintf("node %d: %s is quarantined", u.node.index, e.Variant))
		}
	}
}

var _ subsystem.Link = (*link)(nil)
