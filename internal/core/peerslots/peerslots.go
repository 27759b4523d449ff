// Package peerslots decides who may be connected when there isn't room for all. Four fifths of the slots are kept for
// validators and other reserved peers; half of the rest is kept for peers that this node called itself, so that callers
// can't surround it. Of the callers' slots no network has more than a quarter, and who has said nothing for long gives
// his to who comes: a slot is held by taking part, not by having come first.
package peerslots

import (
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// LeastSilence is how long a peer that has said hello keeps its slot without a word, whoever wants it.
const LeastSilence = 10 * time.Second

// Peer is who asks for a slot.
type Peer struct {
	ID       primitives.NodeID
	Reserved bool
	Called   bool   // by this node
	Network  string // that it calls from; empty: nobody counts who calls from there
}

// Heard tells when a peer with a slot was last heard, and whether it has said hello at all.
type Heard func(primitives.NodeID) (last time.Time, greeted bool)

// Table is who has a slot. It is made with New.
type Table struct {
	size  int
	heard Heard
	slots []Peer
}

// New makes a table with a number of slots; at least five, so that each kind has one.
func New(size int, heard Heard) *Table { return &Table{size: max(5, size), heard: heard} }

// Open is the number of slots that strangers may have in all.
func (t *Table) Open() int { return t.size / 5 }

// callers is the number of slots that strangers may have that called this node, and ofNetwork how many of those may
// have called from one network.
func (t *Table) callers() int   { return max(1, t.Open()/2) }
func (t *Table) ofNetwork() int { return max(1, t.callers()/4) }

// Admit gives a peer a slot if there is one for its kind. A reserved peer takes that of the most silent stranger when
// the table is full, and a caller that of the most silent one where he finds no room; evicted names it.
func (t *Table) Admit(p Peer, now time.Time) (admitted bool, evicted *primitives.NodeID) {
	t.Leave(p.ID)
	if rivals := t.rivals(p); rivals != nil {
		at := t.mostSilent(rivals, p.Reserved, now)
		if at < 0 {
			return false, nil
		}
		id := t.slots[at].ID
		t.slots, evicted = slices.Delete(t.slots, at, at+1), &id
	}
	t.slots = append(t.slots, p)
	return true, evicted
}

// rivals are those of whom one must go for the peer. Nil: there is room for it.
func (t *Table) rivals(p Peer) func(Peer) bool {
	stranger := func(o Peer) bool { return !o.Reserved }
	caller := func(o Peer) bool { return !o.Reserved && !o.Called }
	same := func(o Peer) bool { return caller(o) && o.Network == p.Network }
	full := len(t.slots) >= t.size
	switch {
	case p.Reserved && full:
		return stranger
	case p.Reserved:
	case p.Called && (full || t.count(stranger) >= t.Open()):
		return func(Peer) bool { return false } // there is no hurry to call a stranger
	case p.Called:
	case p.Network != "" && t.count(same) >= t.ofNetwork():
		return same
	case full || t.count(stranger) >= t.Open() || t.count(caller) >= t.callers():
		return caller
	}
	return nil
}

// mostSilent finds who was heard last the longest ago, those first who haven't said hello; -1: there is nobody who may
// be sent away.
func (t *Table) mostSilent(of func(Peer) bool, anyone bool, now time.Time) int {
	found, since, met := -1, time.Time{}, false
	for i, s := range t.slots {
		if !of(s) {
			continue
		}
		last, greeted := t.heard(s.ID)
		if greeted && !anyone && now.Sub(last) < LeastSilence {
			continue
		}
		if found < 0 || met && !greeted || met == greeted && last.Before(since) {
			found, since, met = i, last, greeted
		}
	}
	return found
}

// Reserve changes what a peer with a slot is, when the validator set changes. Nobody loses a slot by it.
func (t *Table) Reserve(peer primitives.NodeID, reserved bool) {
	for i := range t.slots {
		if t.slots[i].ID == peer {
			t.slots[i].Reserved = reserved
		}
	}
}

// Leave frees the peer's slot, if it has one.
func (t *Table) Leave(peer primitives.NodeID) {
	t.slots = slices.DeleteFunc(t.slots, func(s Peer) bool { return s.ID == peer })
}

// Called is how many strangers have a slot because this node called them.
func (t *Table) Called() int { return t.count(func(p Peer) bool { return !p.Reserved && p.Called }) }

func (t *Table) count(which func(Peer) bool) (n int) {
	for _, s := range t.slots {
		if which(s) {
			n++
		}
	}
	return n
}
