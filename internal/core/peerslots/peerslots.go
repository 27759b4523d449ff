// Package peerslots decides who may be connected when there is not room for all. Four fifths of the seats are kept for validators and
// other reserved peers; half of the rest is kept for peers that this node called itself, so that callers can't surround it.
package peerslots

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Table is who sits. It is made with New.
type Table struct {
	size   int
	seated []seat // in the order in which they came
}

type seat struct {
	peer     primitives.NodeID
	reserved bool
	called   bool
}

// New makes a table with a number of seats; at least five, so that each kind has one.
func New(size int) *Table { return &Table{size: max(5, size)} }

// Open is the number of seats that strangers may have in all.
func (t *Table) Open() int { return t.size / 5 }

// Admit seats a peer if there is a seat for its kind. A reserved peer takes the seat of the newest stranger when the table is
// full; evicted names it.
func (t *Table) Admit(peer primitives.NodeID, reserved, called bool) (admitted bool, evicted *primitives.NodeID) {
	t.Leave(peer)
	strangers, callers := t.count()
	switch {
	case reserved && len(t.seated) >= t.size:
		at := t.newestStranger()
		if at < 0 {
			return false, nil
		}
		id := t.seated[at].peer
		t.seated, evicted = slices.Delete(t.seated, at, at+1), &id
	case reserved:
	case len(t.seated) >= t.size, strangers >= t.Open():
		return false, nil
	case !called && callers >= max(1, t.Open()/2):
		return false, nil
	}
	t.seated = append(t.seated, seat{peer, reserved, called})
	return true, evicted
}

// Reserve changes what a seated peer is, when the validator set changes. Nobody loses a seat by it.
func (t *Table) Reserve(peer primitives.NodeID, reserved bool) {
	for i := range t.seated {
		if t.seated[i].peer == peer {
			t.seated[i].reserved = reserved
		}
	}
}

// Leave frees the peer's seat, if it has one.
func (t *Table) Leave(peer primitives.NodeID) {
	t.seated = slices.DeleteFunc(t.seated, func(s seat) bool { return s.peer == peer })
}

// Called is how many strangers sit here because this node called them.
func (t *Table) Called() int {
	strangers, callers := t.count()
	return strangers - callers
}

func (t *Table) count() (strangers, callers int) {
	for _, s := range t.seated {
		if !s.reserved {
			strangers++
			if !s.called {
				callers++
			}
		}
	}
	return strangers, callers
}

func (t *Table) newestStranger() int {
	for i := len(t.seated) - 1; i >= 0; i-- {
		if !t.seated[i].reserved {
			return i
		}
	}
	return -1
}
