package broker

import "github.com/reevenet/reeve/internal/bus/wire"

// flight is what one instance has been given and has not finished: one-way messages that it hasn't handled, and
// requests that it hasn't answered. It is bounded by how much is on the way: the requests that have reached the handler
// don't count.
type flight struct {
	taken    int         // all
	given    uint64      // all, since it attached
	way      wire.Window // one-way messages, and the requests that haven't reached the handler
	oneWay   [wire.LaneCount]fifo
	done     [wire.LaneCount]uint64 // one-way messages that were finished
	requests fifo                   // that haven't reached the handler
	begun    uint64                 // requests that have
	answered uint64                 // requests that have ended
	suspect  *item                  // has killed an instance before: it is handled alone
}

// inFlight is how much an instance is given before it has finished something: what is behind that waits here, where a
// message of a better lane can still pass it.
var inFlight = wire.Window{Messages: 1024, Bytes: 1 << 20}

// takes tells whether the instance may be given one more now. Consensus has as much room again for itself; and what is
// suspected of having killed an instance waits until no other suspect is in flight.
func (f *flight) takes(lane wire.Lane, it *item) bool {
	limit := inFlight
	if lane <= wire.LaneConsensus {
		limit = wire.Window{Messages: 2 * limit.Messages, Bytes: 2 * limit.Bytes}
	}
	full := f.way.Messages >= limit.Messages || f.way.Messages > 0 && f.way.Bytes+it.size > limit.Bytes
	return !full && (it.deaths == 0 || f.suspect == nil)
}

// add notes that the instance is given an item.
func (f *flight) add(it *item) {
	f.taken++
	f.given++
	f.way.Messages++
	f.way.Bytes += it.size
	if it.deaths > 0 {
		f.suspect = it
	}
	if it.variant.Request {
		f.requests.push(it)
	} else {
		f.oneWay[it.variant.Lane].push(it)
	}
}

// finished takes out the oldest one-way message of a lane, if the instance has finished count of them; nil otherwise.
func (f *flight) finished(lane int, count uint64) *item {
	if f.done[lane] >= count || f.oneWay[lane].len() == 0 {
		return nil
	}
	f.done[lane]++
	it := f.oneWay[lane].pop()
	f.landed(it)
	f.left(it)
	return it
}

// arrived notes that so many requests have reached the handler.
func (f *flight) arrived(requests uint64) {
	for f.begun < requests && f.requests.len() > 0 {
		f.begun++
		f.landed(f.requests.pop())
	}
	if f.suspect != nil && f.suspect.variant.Request && f.requests.len() == 0 {
		f.suspect = nil // the handler has had it and lives
	}
}

// ended notes that a request has ended, which shows that it has reached the handler.
func (f *flight) ended(it *item) {
	f.answered++
	f.arrived(f.answered)
	f.left(it)
}

func (f *flight) landed(it *item) {
	f.way.Messages--
	f.way.Bytes -= it.size
}

func (f *flight) left(it *item) {
	f.taken--
	if f.suspect == it {
		f.suspect = nil
	}
}
