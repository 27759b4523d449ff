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
	r.item.edge.unpaid.Messages--
	r.item.edge.unpaid.Bytes -= r.item.size
	if i := r.responder; i != nil {
		delete(i.serving, id)
		i.answered++
		b.arrived(i, i.answered)
		b.untake(i, r.item)
	}
}

// arrived notes that so many requests have reached the handler.
func (b *Broker) arrived(i *Instance, requests uint64) {
	for i.begun < requests && i.requests.len() > 0 {
		i.begun++
		it := i.requests.pop()
		i.way.Messages--
		i.way.Bytes -= it.size
	}
	if i.suspect != nil && i.suspect.variant.Request && i.requests.len() == 0 {
		i.suspect = nil // the handler has had it and lives
	}
}

// IsOpen tells whether a request has not ended.
func (b *Broker) IsOpen(id wire.ID) bool { return b.open[id] != nil }

// untake notes that an instance has finished an item, and gives it the next.
func (b *Broker) untake(i *Instance, it *item) {
	i.taken--
	if i.suspect == it {
		i.suspect = nil
	}
	b.refill(i)
	if i.queued > 0 {
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
	i.worked = true
	for lane, count := range p.Lanes {
		for i.done[lane] < count && i.inflight[lane].len() > 0 {
			i.done[lane]++
			i.moved[lane] = now
			it := i.inflight[lane].pop()
			i.way.Messages--
			i.way.Bytes -= it.size
			b.untake(i, it)
			b.pay(it)
			b.done(it)
		}
	}
	b.arrived(i, p.Requests)
	if i.queued > 0 {
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
	ed.unpaid.Messages--
	ed.unpaid.Bytes -= it.size
	ed.finished.Messages++
	ed.finished.Bytes += uint32(it.size)
	if ed.to.shares() { // those who share the work may finish out of order
		ed.finished.Finished = append(ed.finished.Finished, it.id.Counter())
	}
	if !ed.dirty {
		ed.dirty = true
		ed.from.dirty = append(ed.from.dirty, ed)
	}
	if int(ed.finished.Messages) >= b.cfg.Window.Messages/8 || int(ed.finished.Bytes) >= b.cfg.Window.Bytes/8 {
		b.wake(ed.from)
	}
}

// edge finds the one on which an instance's messages of a variant about a chain go; the first makes it.
func (b *Broker) edge(i *Instance, v *Variant, chain string) (*edge, *wire.Failure) {
	id := edgeID{v.Subsystem, chain, v.Lane}
	if ed := i.edges[id]; ed != nil {
		return ed, nil
	}
	to, f := b.receiver(v, chain)
	if f != nil {
		return nil, f
	}
	ed := &edge{from: i, to: to, chain: chain, lane: v.Lane}
	i.edges[id] = ed
	i.edgeOrder = append(i.edgeOrder, ed)
	return ed, nil
}
