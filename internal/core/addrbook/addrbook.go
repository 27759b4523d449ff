// Package addrbook remembers where nodes may be called and when to call them next. It has no clock and makes no call:
// the caller passes the time and a source of chance, and reports what became of a call.
package addrbook

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Limits of the book. What peers tell is bounded in every direction.
const (
	// MaxAddresses is how many addresses one node may have, and MaxAddressLen how many bytes one of them.
	MaxAddresses  = 8
	MaxAddressLen = 128
	// maxLearned bounds the nodes that are known only because a peer named them.
	maxLearned = 1024
	// patience is after how many failed calls in a row a learned node is forgotten.
	patience = 6
)

// Backoff bounds: the first repetition comes after shortest, each later one after twice as long, up to longest; a
// learned node's up to longestLearned. Each is spread by half up and down, so that nodes that lost each other at once
// don't call at once.
const (
	shortest       = 100 * time.Millisecond
	longest        = 5 * time.Second
	longestLearned = 5 * time.Minute
)

// Book is the record of all nodes but ourselves.
type Book struct {
	self    primitives.NodeID
	rng     *rand.Rand
	nodes   map[primitives.NodeID]*entry
	learned int
}

type entry struct {
	at       []string
	kept     bool // named by an operator or the validator set: never forgotten
	busy     bool // connected, or being called
	failures int
	next     time.Time
}

// New makes an empty book for the node self. Its chance spreads the calls.
func New(self primitives.NodeID, rng *rand.Rand) *Book {
	return &Book{self: self, rng: rng, nodes: map[primitives.NodeID]*entry{}}
}

// Keep adds a node that an operator named, or a validator. Addresses named here stand before learned ones and stay.
func (b *Book) Keep(id primitives.NodeID, at []string, now time.Time) {
	if id == b.self {
		return
	}
	e := b.nodes[id]
	if e == nil {
		e = &entry{next: b.first(id, now)}
		b.nodes[id] = e
	} else if !e.kept {
		b.learned--
	}
	e.kept = true
	e.at = merge(at, e.at)
}

// Learn adds what a peer said about another node, or about itself. It is bounded; what doesn't fit is ignored.
func (b *Book) Learn(id primitives.NodeID, at []string, now time.Time) {
	if id == b.self || id.IsZero() || len(at) == 0 || len(at) > MaxAddresses || slices.ContainsFunc(at, tooLong) {
		return
	}
	e := b.nodes[id]
	if e == nil {
		if b.learned >= maxLearned {
			return
		}
		b.learned++
		e = &entry{next: b.first(id, now)}
		b.nodes[id] = e
	}
	if e.kept {
		e.at = merge(e.at, at)
	} else {
		e.at = merge(at, e.at)
	}
}

func tooLong(a string) bool { return a == "" || len(a) > MaxAddressLen }

func merge(first, then []string) []string {
	out := slices.Clone(first)
	for _, a := range then {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out[:min(len(out), MaxAddresses)]
}

// first is when a node is called for the first time. Of two nodes that know each other the one with the smaller id
// calls at once and the other one a little later, so that calls seldom cross.
func (b *Book) first(id primitives.NodeID, now time.Time) time.Time {
	if b.self.Compare(id) < 0 {
		return now
	}
	return now.Add(b.spread(4 * shortest))
}

// Addresses are where the node may be called; none if it is unknown.
func (b *Book) Addresses(id primitives.NodeID) []string {
	if e := b.nodes[id]; e != nil {
		return e.at
	}
	return nil
}

// Due lists, in order of ids, the nodes that may be called now and that want says yes to, and marks them as being
// called. At most limit.
func (b *Book) Due(now time.Time, limit int, want func(id primitives.NodeID, kept bool) bool) []primitives.NodeID {
	var out []primitives.NodeID
	for _, id := range b.ids() {
		e := b.nodes[id]
		if len(out) < limit && !e.busy && len(e.at) > 0 && !now.Before(e.next) && want(id, e.kept) {
			e.busy = true
			out = append(out, id)
		}
	}
	return out
}

// Next is the earliest time at which another node is due; false if none is waiting.
func (b *Book) Next() (at time.Time, ok bool) {
	for _, e := range b.nodes {
		if !e.busy && len(e.at) > 0 && (!ok || e.next.Before(at)) {
			at, ok = e.next, true
		}
	}
	return at, ok
}

// Connected tells that there is a link to the node; it isn't called until Lost.
func (b *Book) Connected(id primitives.NodeID) {
	if e := b.nodes[id]; e != nil {
		e.busy = true
	}
}

// Proven tells that the node said a valid hello, so its address is good.
func (b *Book) Proven(id primitives.NodeID) {
	if e := b.nodes[id]; e != nil {
		e.failures = 0
	}
}

// Lost tells that a call failed or a link ended: the node may be called again after a pause, longer each time until
// Proven.
func (b *Book) Lost(id primitives.NodeID, now time.Time) {
	e := b.nodes[id]
	if e == nil {
		return
	}
	e.busy = false
	e.failures++
	if !e.kept && e.failures > patience {
		delete(b.nodes, id)
		b.learned--
		return
	}
	most := longest
	if !e.kept {
		most = longestLearned
	}
	e.next = now.Add(b.spread(pause(e.failures, most)))
}

// Postpone puts off the next call, for a node that is banned or that had no slot for us.
func (b *Book) Postpone(id primitives.NodeID, until time.Time) {
	if e := b.nodes[id]; e != nil && e.next.Before(until) {
		e.next = until
	}
}

func pause(failures int, most time.Duration) time.Duration {
	d := float64(shortest) * math.Exp2(float64(min(failures-1, 30)))
	return min(most, time.Duration(min(d, float64(longestLearned))))
}

func (b *Book) spread(d time.Duration) time.Duration {
	return d/2 + time.Duration(b.rng.Int64N(int64(d)))
}

func (b *Book) ids() []primitives.NodeID {
	return slices.SortedFunc(maps.Keys(b.nodes), primitives.NodeID.Compare)
}
