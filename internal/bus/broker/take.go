package broker

import (
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// Streams of an instance. What travels on the bulk lane has the second one, when the instance has opened it.
const (
	Primary = 0
	Bulk    = 1
)

// Ready tells which streams of an instance have something to take, or may have.
func (b *Broker) Ready(i *Instance) (primary, bulk bool) {
	i.split()
	o := &i.outbox
	waits := i.queues.count
	if o.split {
		bulkWaits := i.queues.lanes[wire.LaneBulk].len()
		waits -= bulkWaits
		bulk = bulkWaits > 0 || len(o.bulk) > 0
	}
	return len(o.primary) > 0 || waits > 0 || len(i.sending.dirty) > 0, bulk
}

// floorEvery is how many messages the first lanes get before a lower lane gets one.
const floorEvery = 16

// Take fills a batch with what is ready for one stream of an instance, up to about limit bytes. What it takes is on its
// way.
func (b *Broker) Take(now time.Time, i *Instance, stream int, batch *wire.Batch, limit int) {
	b.now = now
	if i.detached {
		return
	}
	if i.split() {
		b.wake(i) // the other stream has something now
	}
	if stream == Bulk && !i.outbox.split {
		return
	}
	i.outbox.since[stream] = now
	if i.outbox.take(stream, i.Generation, batch, limit) {
		b.wake(i)
	}
	if stream == Bulk {
		b.takeLane(i, wire.LaneBulk, batch, limit)
		return
	}
	for len(i.outbox.primary) == 0 && batch.Len() < limit && b.takeNext(i, batch) {
	}
	i.sending.credits(batch)
}

// takeNext takes one message of the best lane, with a floor for the lower ones.
func (b *Broker) takeNext(i *Instance, batch *wire.Batch) bool {
	q := &i.queues
	q.turn++
	if q.turn%floorEvery == 0 {
		for n := range q.lanes {
			lane := wire.Lane((q.turn/floorEvery + n) % len(q.lanes))
			if lane > wire.LaneConsensus && !(lane == wire.LaneBulk && i.outbox.split) && b.takeOne(i, lane, batch) {
				return true
			}
		}
	}
	for lane := wire.LaneNone; lane < wire.LaneCount; lane++ {
		if !(lane == wire.LaneBulk && i.outbox.split) && b.takeOne(i, lane, batch) {
			return true
		}
	}
	return false
}

func (b *Broker) takeLane(i *Instance, lane wire.Lane, batch *wire.Batch, limit int) {
	for batch.Len() < limit && b.takeOne(i, lane, batch) {
	}
	if i.queues.lanes[lane].len() > 0 && batch.Len() >= limit {
		b.wake(i)
	}
}

func (b *Broker) takeOne(i *Instance, lane wire.Lane, batch *wire.Batch) bool {
	q := &i.queues.lanes[lane]
	for q.len() > 0 {
		it := q.peek()
		if !it.gone && !i.flight.takes(lane, it) {
			return false
		}
		i.queues.pop(lane)
		if it.gone || b.overdue(it) {
			b.refill(i)
			continue
		}
		b.deliver(i, it, batch)
		return true
	}
	return false
}

// overdue ends a request whose asker has stopped waiting.
func (b *Broker) overdue(it *item) bool {
	if !it.variant.Request || b.now.Before(it.deadline) {
		return false
	}
	b.Count.Expired++
	if r := b.open[it.id]; r != nil {
		b.failRequest(r, refusal(codeTimedOut, "%s was still queued when its time was over", it.variant.Name))
	}
	return true
}

func (b *Broker) deliver(i *Instance, it *item, batch *wire.Batch) {
	if q := &i.flight.oneWay[it.variant.Lane]; !it.variant.Request && q.len() == 0 {
		i.signs.moved[it.variant.Lane] = b.now
	}
	i.flight.add(it)
	switch {
	case it.variant.Request:
		r := b.open[it.id]
		r.responder, r.given = i, b.now
		i.serving[it.id] = r
		e := b.envelope(it)
		e.TimeoutMicros = uint64(it.deadline.Sub(b.now) / time.Microsecond)
		batch.Envelope(wire.TagToEnvelope, e)
		if !it.again() {
			it.drop()
		}
	case it.attempt == it.written:
		batch.Frame(wire.TagToEnvelope, it.raw)
	default:
		batch.Envelope(wire.TagToEnvelope, b.envelope(it))
	}
	i.home.stat[it.variant.Lane].add(it.size, b.now.Sub(it.queued))
}

func (s *LaneStat) add(size int, waited time.Duration) {
	s.Delivered++
	s.Bytes += uint64(size)
	s.QueueNanos += uint64(waited)
	s.MaxNanos = max(s.MaxNanos, uint64(waited))
}
