package broker

import "github.com/reevenet/reeve/internal/bus/wire"

// queues is what waits for one instance, by lane, each in order. Its count is that of all lanes together.
type queues struct {
	lanes [wire.LaneCount]fifo
	count int
	turn  int // of the lanes' floor
}

func (q *queues) push(it *item) {
	q.lanes[it.variant.Lane].push(it)
	q.count++
}

func (q *queues) pop(lane wire.Lane) {
	q.lanes[lane].pop()
	q.count--
}

// drain takes out all of a lane.
func (q *queues) drain(lane wire.Lane) []*item {
	items := q.lanes[lane].drain()
	q.count -= len(items)
	return items
}

// reclaim takes out what waits on a lane and may be another shard's now: all but the copies that every shard has.
func (q *queues) reclaim(lane wire.Lane) (items []*item) {
	for _, it := range q.drain(lane) {
		if it.shared != nil {
			q.push(it)
		} else {
			items = append(items, it)
		}
	}
	return items
}

// sweep drops what has ended while it waited.
func (q *queues) sweep() {
	for lane := range q.lanes {
		q.count -= q.lanes[lane].sweep()
	}
}
