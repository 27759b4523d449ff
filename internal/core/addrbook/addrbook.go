// Package addrbook remembers where nodes may be called and when to call them next. It has no clock and makes no call:
// the caller passes the time and a source of chance, and reports what became of a call.
//
// What a peer says of others, or of itself, is a stranger's word about third parties until the node has answered there.
// So each teller has a small account of addresses that are on its word alone, and of calls to them (teller). Addresses
// of networks that this node isn't in are neither learnt nor told (Reach), and only where a node has answered is passed
// on.
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
	tellers map[string]*teller
}

type entry struct {
	places   []place
	kept     bool // named by an operator or the validator set: never forgotten
	busy     bool // connected, or being called
	failures int
	next     time.Time
}

// New makes an empty book for the node self. Its chance spreads the calls.
func New(self primitives.NodeID, rng *rand.Rand) *Book {
	return &Book{self: self, rng: rng, nodes: map[primitives.NodeID]*entry{}, tellers: map[string]*teller{}}
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
	for _, a := range at {
		e.drop(func(p place) bool { return p.at == a })
		e.add(place{at: a, named: true})
	}
}

// Learn adds what a peer said about another node, or about itself. It is bounded; what doesn't fit is ignored.
func (b *Book) Learn(id primitives.NodeID, at []string, by Teller, now time.Time) {
	if id == b.self || id.IsZero() || len(at) > MaxAddresses || slices.ContainsFunc(at, tooLong) {
		return
	}
	for _, a := range at {
		b.learn(id, a, by, now)
	}
}

func (b *Book) learn(id primitives.NodeID, at string, by Teller, now time.Time) {
	t, e := b.teller(by.Name, now), b.nodes[id]
	switch {
	case t == nil || t.told >= maxTold:
		return
	case e == nil && b.learned >= maxLearned:
		return
	case e == nil:
		b.learned++
		e = &entry{next: b.first(id, now)}
		b.nodes[id] = e
	case e.find(at) != nil:
		return
	}
	if len(e.places) >= MaxAddresses && by.Itself { // a node's own word is better than a rumour
		e.places[MaxAddresses-1].free()
		e.places = e.places[:MaxAddresses-1]
	}
	if len(e.places) < MaxAddresses {
		t.told++
		e.add(place{at: at, from: t})
	}
}

func tooLong(a string) bool { return a == "" || len(a) > MaxAddressLen }

// first is when a node is called for the first time. Of two nodes that know each other the one with the smaller id
// calls at once and the other one a little later, so that calls seldom cross.
func (b *Book) first(id primitives.NodeID, now time.Time) time.Time {
	if b.self.Compare(id) < 0 {
		return now
	}
	return now.Add(b.spread(4 * shortest))
}

// Knows tells whether there is an address of the node.
func (b *Book) Knows(id primitives.NodeID) bool {
	e := b.nodes[id]
	return e != nil && len(e.places) > 0
}

// Good are the addresses at which the node has answered: what may be passed on.
func (b *Book) Good(id primitives.NodeID) (at []string) {
	if e := b.nodes[id]; e != nil {
		for _, p := range e.places {
			if p.good {
				at = append(at, p.at)
			}
		}
	}
	return at
}

// Call is a node to be called, and where.
type Call struct {
	Node primitives.NodeID
	At   []string
}

// Due lists, in order of ids, the nodes that may be called now and that want says yes to, and marks them as being
// called. At most limit. One of which there is only the word of tellers who have had enough calls waits.
func (b *Book) Due(now time.Time, limit int, want func(id primitives.NodeID, kept bool) bool) (out []Call) {
	for _, id := range b.ids() {
		e := b.nodes[id]
		if len(out) >= limit || e.busy || len(e.places) == 0 || now.Before(e.next) {
			continue
		}
		if !e.callable(now) {
			e.next = now.Add(callAgain)
		} else if want(id, e.kept) {
			e.busy = true
			out = append(out, Call{id, e.call()})
		}
	}
	return out
}

// Next is the earliest time at which another node is due; false if none is waiting.
func (b *Book) Next() (at time.Time, ok bool) {
	for _, e := range b.nodes {
		if !e.busy && len(e.places) > 0 && (!ok || e.next.Before(at)) {
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

// Proven tells that the node has said a valid hello, on a call to the address; none: it called itself.
func (b *Book) Proven(id primitives.NodeID, at string) {
	if e := b.nodes[id]; e != nil {
		e.failures = 0
		b.Answered(id, at)
	}
}

// Answered tells that the node was there when the address was called.
func (b *Book) Answered(id primitives.NodeID, at string) {
	e := b.nodes[id]
	if e == nil || at == "" {
		return
	}
	p := e.find(at)
	if p != nil && p.named {
		p.good = true
		return
	}
	e.drop(func(p place) bool { return p.at == at })
	e.add(place{at: at, good: true})
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
	e.drop(func(p place) bool { return !p.sure() && p.tries >= maxTries })
	if !e.kept && (e.failures > patience || len(e.places) == 0) {
		e.drop(func(place) bool { return true })
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
