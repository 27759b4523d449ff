package driver

import (
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// fill queues one message with the given number as its id's counter.
func (b *inbox) fill(lane wire.Lane, n, signal uint64) {
	b.lanes[lane].push(arrived{Envelope: wire.Envelope{ID: wire.NewID(1, n), Lane: lane, SignalSeq: signal}})
	b.waiting++
	b.arrived++
}

// drain takes all that may be handled after a signal.
func (b *inbox) drain(seen uint64) (order []uint64) {
	for {
		event, kind := b.next(seen, time.Unix(1, 0))
		switch kind {
		case control:
			event()
		case message:
			order = append(order, b.inHand.ID.Counter())
		default:
			return order
		}
	}
}

func TestControlComesFirstAndInOrderThenTheLanes(t *testing.T) {
	var b inbox
	var order []uint64
	for n := range uint64(3) {
		b.fill(wire.LaneGossip, 200+n, 0)
		b.fill(wire.LaneConsensus, 100+n, 0)
		b.post(func() { order = append(order, n) })
	}
	order = append(order, b.drain(0)...)
	if want := []uint64{0, 1, 2, 100, 101, 102, 200, 201, 202}; !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
}

func TestNoMessagePassesASignalThatItsSenderHadSeen(t *testing.T) {
	var b inbox
	b.fill(wire.LaneConsensus, 1, 5)
	b.fill(wire.LaneConsensus, 2, 0) // behind it, in order
	b.fill(wire.LaneGossip, 3, 4)
	for _, step := range []struct {
		seen uint64
		want []uint64
	}{{3, nil}, {4, []uint64{3}}, {5, []uint64{1, 2}}} {
		if got := b.drain(step.seen); !slices.Equal(got, step.want) {
			t.Errorf("after signal %d: %v, want %v", step.seen, got, step.want)
		}
	}
}

// However much comes on the better lanes, one of sixteen is of the others, each in turn.
func TestNoLaneStarves(t *testing.T) {
	var b inbox
	for n := range uint64(320) {
		b.fill(wire.LaneConsensus, n, 0)
	}
	b.fill(wire.LaneGossip, 1000, 0)
	b.fill(wire.LaneBulk, 2000, 0)
	order := b.drain(0)[:3*floorEvery]
	if !slices.Contains(order, 1000) || !slices.Contains(order, 2000) {
		t.Errorf("the first %d: %v", len(order), order)
	}
}

func TestOneGoroutineAtATimeTakesFromAnInbox(t *testing.T) {
	var b inbox
	if !b.claim() || b.claim() {
		t.Fatal("two have the right to take")
	}
	if _, kind := b.next(0, time.Time{}); kind != nothing {
		t.Fatal("something in an empty inbox")
	}
	b.post(func() {})
	if rests, more := b.rest(true); rests || !more {
		t.Error("what came while it was written is forgotten")
	}
	b.next(0, time.Time{})
	b.next(0, time.Time{})
	if rests, more := b.rest(true); !rests || more {
		t.Error("an empty inbox doesn't rest")
	}
	if !b.claim() {
		t.Error("the right was not given back")
	}
	b.close()
	if _, kind := b.next(0, time.Time{}); kind != closed || b.claim() || b.post(func() {}) {
		t.Error("a closed inbox goes on")
	}
}
