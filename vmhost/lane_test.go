package vmhost

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// stuckLane runs one thing, which doesn't end before the test says so.
func stuckLane() (l *lane, end func()) {
	l = &lane{limit: 1, bound: 4096}
	l.add(task{run: func(done func()) { end = done }})
	return l, end
}

func (l *lane) offer(peer byte, bytes int) bool {
	return l.add(task{of: &peersTask{primitives.NodeID{peer}, bytes}, run: func(done func()) { done() }})
}

func TestOnePeersMessagesTakeItsOwnRoom(t *testing.T) {
	l, end := stuckLane()
	taken := 0
	for range 1000 {
		if l.offer(1, 100<<10) {
			taken++
		}
	}
	if taken != spareOfPeer/(100<<10) {
		t.Errorf("%d messages of 100 KiB wait", taken)
	}
	if !l.offer(2, 2*spareOfPeer) || l.offer(2, 1) {
		t.Error("another peer has no room for one large message, or for two")
	}
	if end(); l.spare.bytes != 0 || l.spare.count != 0 || len(l.spare.of) != 0 || !l.offer(1, 100<<10) {
		t.Errorf("when all were passed on: %+v", l.spare)
	}
}

func TestAllPeersMessagesLeaveRoomForWhatWasPromised(t *testing.T) {
	for what, bytes := range map[string]int{"many small ones": 600, "large ones": spareOfPeer} {
		l, _ := stuckLane()
		for i := range 1 << 16 {
			l.offer(byte(i), bytes)
		}
		if l.spare.bytes > maxSpareBytes || len(l.waiting) > l.bound/4*3 {
			t.Errorf("%s: %d wait, with %d bytes", what, len(l.waiting), l.spare.bytes)
		}
		for range l.bound / 4 {
			if !l.add(task{run: func(func()) {}}) {
				t.Fatalf("%s: an outcome finds no room", what)
			}
		}
		for l.add(task{run: func(func()) {}}) {
			if len(l.waiting) > l.bound {
				t.Fatalf("%s: the lane has no end", what)
			}
		}
	}
}
