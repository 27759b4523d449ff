package broker

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// debts are the requests that an instance was given and let lapse, by lane. Nothing that it says of itself pays them:
// only an answer does, and a late one as well.
type debts struct {
	lanes [wire.LaneCount]debt
	owed  map[wire.ID]wire.Lane // those that have ended and that an answer may still come to
}

// debt is what has lapsed since the last answer on a lane.
type debt struct {
	count int
	since time.Time // when the instance was given the first
	last  time.Time // when the last one's time was over
}

// maxOwed bounds the ids that are remembered; when there are more, none is.
const maxOwed = 1024

// lapsed notes that a request's time is over.
func (d *debts) lapsed(now time.Time, r *request) {
	lane := r.item.variant.Lane
	one := &d.lanes[lane]
	if one.count == 0 {
		one.since = r.given
	}
	one.count, one.last = one.count+1, now
	if d.owed == nil || len(d.owed) >= maxOwed {
		d.owed = map[wire.ID]wire.Lane{}
	}
	d.owed[r.item.id] = lane
}

// answered notes an answer on a lane: whoever answers works.
func (d *debts) answered(lane wire.Lane) { d.lanes[lane] = debt{} }

// late notes an answer to what is no longer asked.
func (d *debts) late(id wire.ID) {
	if lane, ok := d.owed[id]; ok {
		delete(d.owed, id)
		d.answered(lane)
	}
}

// hang says what has lapsed for longer than patience; empty when all is well. One that lapsed may have been hard.
func (d *debts) hang(patience time.Duration) string {
	for lane := range d.lanes {
		one := &d.lanes[lane]
		if still := one.last.Sub(one.since); one.count > 1 && still > patience {
			return fmt.Sprintf("%d requests of lane %d outlived their deadline and none was answered for %v", one.count,
				lane, still.Round(100*time.Millisecond))
		}
	}
	return ""
}

// forgetful is how much longer than its deadline a request stays open when its asker doesn't end it.
const forgetful = time.Second

// endLapsed ends the requests that an instance holds and whose askers have forgotten them.
func (b *Broker) endLapsed(i *Instance) {
	over := func(r *request) bool { return b.now.Sub(r.item.deadline) > forgetful }
	for _, r := range sortedRequests(i.serving, over) {
		i.signs.debts.lapsed(b.now, r)
		b.failRequest(r, refusal(codeTimedOut, "%s was not answered within its time", r.item.variant.Name))
	}
}

// gaveUp tells whether an asker that cancels has waited about as long as it wanted to: its clock began before ours.
func (r *request) gaveUp(now time.Time) bool {
	return r.responder != nil && !now.Before(r.item.deadline.Add(-r.patience/4))
}
