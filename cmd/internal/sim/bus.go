package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/bus/broker"
	"github.com/reevenet/reeve/internal/bus/wire"
	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/overseertest/virtual"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// bus is a node's overseer with its connections: what a subsystem writes reaches the overseer a moment later, and what the overseer
// has for it is taken a moment later again. When the overseer dies what was on its way is lost.
type bus struct {
	node   *node
	core   *overseer.Core // nil while the overseer is down
	epoch  uint64
	names  wire.Names
	intake [2]intake // by stream: primary, bulk
	lives  map[*broker.Instance]*life

	batch wire.Batch // scratch
	room  []byte     // where the next batches are kept
}

// intake is what is on its way to the overseer on one stream.
type intake struct {
	waiting, taken []parcel
	take           func()
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
	// taking: something waits for it and will be taken soon, with give.
	taking bool
	give   func()
}

var errLinkDown = errors.New("the overseer is gone")

// Write is subsystem.Link.
func (k *link) Write(b *wire.Batch, bulk bool) error {
	if !k.up {
		return errLinkDown
	}
	stream := broker.Primary
	if bulk && k.bulk {
		stream = broker.Bulk
	}
	u := &k.life.node.bus
	in := &u.intake[stream]
	in.waiting = append(in.waiting, parcel{k, u.keep(b.Bytes)})
	b.Bytes = b.Bytes[:0]
	if len(in.waiting) == 1 {
		u.node.net.clock.Do(u.hop(), in.take)
	}
	return nil
}

// roomSize is how much memory a bus takes at once for batches.
const roomSize = 32 << 10

// keep copies a batch to where it can stay as long as somebody needs a part of it.
func (u *bus) keep(batch []byte) []byte {
	n := len(batch)
	if n > roomSize/4 {
		return append([]byte(nil), batch...)
	}
	if cap(u.room)-len(u.room) < n {
		u.room = make([]byte, 0, roomSize)
	}
	at := len(u.room)
	u.room = append(u.room, batch...)
	return u.room[at : at+n : at+n]
}

// hop is how long a batch takes from one process to another on one machine.
func (u *bus) hop() time.Duration {
	return virtual.Between(u.node.rng, 5*time.Microsecond, u.node.net.plan.hop)
}

// later plans something of this overseer's life.
func (u *bus) later(f func()) {
	u.node.net.clock.Do(u.hop(), u.during(f))
}

// during makes sure that something happens in this overseer's life only.
func (u *bus) during(f func()) func() {
	epoch := u.epoch
	return func() {
		if u.core != nil && u.epoch == epoch {
			f()
		}
	}
}

// takeIn gives the overseer what has arrived.
func (u *bus) takeIn(stream int) {
	in := &u.intake[stream]
	parcels := in.waiting
	in.waiting, in.taken = in.taken[:0], parcels
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
	clear(parcels)
	u.serve()
}

// serve sees to it that those who have something to take will take it.
func (u *bus) serve() {
	for _, i := range u.core.Broker.Woken() {
		if l := u.lives[i]; l != nil && !l.link.taking {
			l.link.taking = true
			u.node.net.clock.Do(u.hop(), l.link.give)
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
	l.stepping = true // it needn't be woken: its step comes below
	for primary, bulk := u.core.Broker.Ready(k.inst); primary || bulk; primary, bulk = u.core.Broker.Ready(k.inst) {
		took := primary && u.hand(k, broker.Primary)
		if bulk && k.bulk {
			took = u.hand(k, broker.Bulk) || took
		}
		if !took {
			break
		}
	}
	l.stepping = false
	u.serve()
	l.step()
}

// hand takes one batch to a subsystem; false: there was nothing.
func (u *bus) hand(k *link, stream int) bool {
	u.batch.Bytes = u.batch.Bytes[:0]
	u.core.Broker.Take(u.node.net.clock.Now(), k.inst, stream, &u.batch, takeLimit)
	if u.batch.Len() == 0 {
		return false
	}
	if err := k.life.machine.Receive(u.keep(u.batch.Bytes)); err != nil {
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
	k.give = u.during(func() {
		if l.link == k {
			u.give(l)
		}
	})
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
	u.core, u.lives, u.names = core, map[*broker.Instance]*life{}, wire.Names{}
	for stream := range u.intake {
		u.intake[stream].take = u.during(func() { u.takeIn(stream) })
	}
	for _, s := range u.node.slots {
		if l := s.life; l != nil {
			u.node.net.clock.After(virtual.Between(u.node.rng, time.Millisecond, 50*time.Millisecond), func() { u.attach(l) })
		}
	}
	u.tick()
}

// crash ends the overseer; every process loses its link.
func (u *bus) crash() {
	if u.core == nil {
		return
	}
	u.core, u.intake, u.lives = nil, [2]intake{}, nil
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
