// Package peerslots decides who may be connected when there isn't room for all. Four fifths of the slots are kept for
// validators and other reserved peers; half of the rest is kept for peers that this node called itself, so that callers
// can't surround it.
package peerslots

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Table is who has a slot. It is made with New.
type Table struct {
	size  int
	slots []slot // in the order in which they were taken
}

type slot struct {
	peer     primitives.NodeID
	reserved bool
	called   bool
}

// New makes a table with a number of slots; at least five, so that each kind has one.
func New(size int) *Table { return &Table{size: max(5, size)} }

// Open is the number of slots that strangers may have in all.
func (t *Table) Open() int { return t.size / 5 }

// Admit gives a peer a slot if there is one for its kind. A reserved peer takes that of the newest stranger when the
// table is full; evicted names it.
func (t *Table) Admit(peer primitives.NodeID, reserved, called bool) (admitted bool, evicted *primitives.NodeID) {
	t.Leave(peer)
	strangers, callers := t.count()
	switch {
	case reserved && len(t.slots) >= t.size:
		at := t.newestStranger()
		if at < 0 {
			return false, nil
		}
		id := t.slots[at].peer
		t.slots, evicted = slices.Delete(t.slots, at, at+1), &id
	case reserved:
	case len(t.slots) >= t.size, strangers >= t.Open():
		return false, nil
	case !called && callers >= max(1, t.Open()/2):
		return false, nil
	}
	t.slots = append(t.slots, slot{peer, reserved, called})
	return true, evicted
}

// Reserve changes what a peer with a slot is, when the validator set changes. Nobody loses a slot by it.
func (t *Table) Reserve(peer primitives.NodeID, reserved bool) {
	for i := range t.slots {
		if t.slots[i].peer == peer {
			t.slots[i].reserved = reserved
		}
	}
}

// Leave frees the peer's slot, if it has one.
func (t *Table) Leave(peer primitives.NodeID) {
	t.slots = slices.DeleteFunc(t.slots, func(s slot) bool { return s.peer == peer })
}

// Called is how many strangers have a slot because this node called them.
func (t *Table) Called() int {
	strangers, callers := t.count()
	return strangers - callers
}

func (t *Table) count() (strangers, callers int) {
	for _, s := range t.slots {
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
	for i := len(t.slots) - 1; i >= 0; i-- {
		if !t.slots[i].reserved {
			return i
		}
	}
	return -1
}
