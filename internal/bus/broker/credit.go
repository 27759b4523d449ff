package broker

import (
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// end closes a request: its one outcome is on its way, or nobody wants it.
func (b *Broker) end(r *request) {
	id := r.item.id
	delete(b.open, id)
	delete(r.asker.asked, id)
	r.item.gone = true
	r.item.drop()
	r.item.edge.release(r.item.size)
	if i := r.responder; i != nil {
		delete(i.serving, id)
		i.flight.ended(r.item)
		b.next(i)
	}
}

// IsOpen tells whether a request has not ended.
func (b *Broker) IsOpen(id wire.ID) bool { return b.open[id] != nil }

// next lets an instance that has finished something have more.
func (b *Broker) next(i *Instance) {
	b.refill(i)
	if i.queues.count > 0 {
		b.wake(i)
	}
}

// refill gives a member of a pool that has room what waits for the pool.
func (b *Broker) refill(i *Instance) {
	if i.home.class == Pool && !i.detached {
		b.assignWaiting(i.home)
	}
}

// Processed notes how far an instance has got with one-way messages.
func (b *Broker) Processed(now time.Time, i *Instance, p wire.Processed) {
	if i.detached {
		return
	}
	b.now = now
	i.signs.worked = true
	for lane, count := range p.Lanes {
		for it := i.flight.finished(lane, count); it != nil; it = i.flight.finished(lane, count) {
			i.signs.moved[lane] = now
			b.next(i)
			b.pay(it)
			b.done(it)
		}
	}
	i.flight.arrived(p.Requests)
	if i.queues.count > 0 {
		b.wake(i)
	}
}

// pay gives a one-way message's credit back to its sender, for one that went to every shard with the last copy.
func (b *Broker) pay(it *item) {
	if it.shared != nil {
		if it.shared.left--; it.shared.left > 0 {
			return
		}
	}
	ed := it.edge
	ed.credit(it)
	if int(ed.finished.Messages) >= b.cfg.Window.Messages/8 || int(ed.finished.Bytes) >= b.cfg.Window.Bytes/8 {
		b.wake(ed.from)
	}
}
