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
	bulkWaits := i.lanes[wire.LaneBulk].len()
	if i.bulk {
		bulk = bulkWaits > 0 || len(i.bulkReply) > 0
		return len(i.control) > 0 || i.queued > bulkWaits || len(i.dirty) > 0, bulk
	}
	return len(i.control) > 0 || i.queued > 0 || len(i.dirty) > 0, false
}

// inFlight is how much an instance is given before it has finished something: what is behind that waits here, where a message of a
// better lane can still pass it.
var inFlight = wire.Window{Messages: 1024, Bytes: 1 << 20}

// floorEvery is how many messages the first lanes get before a lower lane gets one.
const floorEvery = 16

// Take fills a batch with what is ready for one stream of an instance, up to about limit bytes. What it takes is on its way.
func (b *Broker) Take(now time.Time, i *Instance, stream int, batch *wire.Batch, limit int) {
	b.now = now
	if i.detached {
		return
	}
	if i.split() {
		b.wake(i) // the other stream has something now
	}
	if stream == Bulk && !i.bulk {
		return
	}
	if stream == Bulk {
		i.bulkReply = b.takeControl(i, i.bulkReply, batch, limit)
		b.takeLane(i, wire.LaneBulk, batch, limit)
		return
	}
	i.control = b.takeControl(i, i.control, batch, limit)
	for batch.Len() < limit && len(i.control) == 0 {
		if !b.takeNext(i, batch) {
			break
		}
	}
	b.takeCredit(i, batch)
}

func (b *Broker) takeControl(i *Instance, frames []controlFrame, batch *wire.Batch, limit int) []controlFrame {
	n := 0
	for ; n < len(frames) && batch.Len() < limit; n++ {
		f := &frames[n]
		if f.env == nil {
			batch.Frame(f.tag, f.body)
			continue
		}
		f.env.Generation = i.Generation
		batch.Envelope(f.tag, f.env)
		i.replies -= len(f.env.Reply)
		f.from.Release()
	}
	if n == len(frames) {
		clear(frames)
		return frames[:0]
	}
	b.wake(i)
	return frames[n:]
}

// takeNext takes one message of the best lane, with a floor for the lower ones.
func (b *Broker) takeNext(i *Instance, batch *wire.Batch) bool {
	i.turn++
	if i.turn%floorEvery == 0 {
		for n := range i.lanes {
			lane := wire.Lane((i.turn/floorEvery + n) % len(i.lanes))
			if lane > wire.LaneConsensus && !(lane == wire.LaneBulk && i.bulk) && b.takeOne(i, lane, batch) {
				return true
			}
		}
	}
	for lane := wire.LaneNone; lane < wire.LaneCount; lane++ {
		if !(lane == wire.LaneBulk && i.bulk) && b.takeOne(i, lane, batch) {
			return true
		}
	}
	return false
}

func (b *Broker) takeLane(i *Instance, lane wire.Lane, batch *wire.Batch, limit int) {
	for batch.Len() < limit && b.takeOne(i, lane, batch) {
	}
	if i.lanes[lane].len() > 0 && batch.Len() >= limit {
		b.wake(i)
	}
}

func (b *Broker) takeOne(i *Instance, lane wire.Lane, batch *wire.Batch) bool {
	q := &i.lanes[lane]
	for q.len() > 0 {
		it := q.peek()
		if !it.gone && (i.full(lane, it.size) || it.deaths > 0 && i.suspect != nil) {
			return false
		}
		q.pop()
		i.queued--
		if it.gone || b.overdue(it) {
			b.refill(i)
			continue
		}
		b.deliver(i, it, batch)
		return true
	}
	return false
}

// full tells whether an instance has enough on its way. Consensus has as much again for itself.
func (i *Instance) full(lane wire.Lane, size int) bool {
	limit := inFlight
	if lane <= wire.LaneConsensus {
		limit = wire.Window{Messages: 2 * limit.Messages, Bytes: 2 * limit.Bytes}
	}
	return i.way.Messages >= limit.Messages || i.way.Messages > 0 && i.way.Bytes+size > limit.Bytes
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
	i.taken++
	i.way.Messages++
	i.way.Bytes += it.size
	if it.deaths > 0 {
		i.suspect = it
	}
	switch {
	case it.variant.Request:
		r := b.open[it.id]
		r.responder = i
		i.serving[it.id] = r
		i.requests.push(it)
		e := b.envelope(it)
		e.TimeoutMicros = uint64(it.deadline.Sub(b.now) / time.Microsecond)
		batch.Envelope(wire.TagToEnvelope, e)
		if !it.again() {
			it.drop()
		}
	default:
		q := &i.inflight[it.variant.Lane]
		if q.len() == 0 {
			i.moved[it.variant.Lane] = b.now
		}
		q.push(it)
		if it.attempt == it.written {
			batch.Frame(wire.TagToEnvelope, it.raw)
		} else {
			batch.Envelope(wire.TagToEnvelope, b.envelope(it))
		}
	}
	i.home.stat[it.variant.Lane].add(it.size, b.now.Sub(it.queued))
}

func (s *LaneStat) add(size int, waited time.Duration) {
	s.Delivered++
	s.Bytes += uint64(size)
	s.QueueNanos += uint64(waited)
	s.MaxNanos = max(s.MaxNanos, uint64(waited))
}

func (b *Broker) takeCredit(i *Instance, batch *wire.Batch) {
	if len(i.dirty) == 0 {
		return
	}
	credits := make([]wire.EdgeCredit, 0, len(i.dirty))
	for _, ed := range i.dirty {
		ed.finished.To, ed.finished.Chain, ed.finished.Lane = ed.to.subsystem, ed.chain, ed.lane
		credits = append(credits, ed.finished)
		ed.finished, ed.dirty = wire.EdgeCredit{}, false
	}
	i.dirty = i.dirty[:0]
	batch.Frame(wire.TagCredit, wire.AppendCredit(nil, credits))
}
