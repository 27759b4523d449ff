// Package clocks finds out whether a node's clock is off, and whose else is, from what validators say of theirs. It
// reads no clock itself: the caller says what its own shows.
//
// What a validator says is older than it sounds by the time that it was under way; so of its last two words the one
// counts that came faster. A validator that lies moves nothing but what is said of itself, unless such validators have
// more than a third of the stake.
package clocks

import (
	"cmp"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
)

const (
	// Every is how often a validator says what its clock shows.
	Every = 3 * time.Second
	// Apart is by how much a clock may be off before it is said to be: well before anybody has to wait for a block
	// because of it, and more than a busy machine takes to read a message.
	Apart = proposer.MaxSkew / 2
	// lasts is for how long what was said counts.
	lasts = 4 * Every
)

// Clocks is what is known of the clocks of validators. It grows with these, two words each.
type Clocks struct{ of map[primitives.NodeID]*words }

// words are by how much a validator's clock was ahead when it spoke last, and before; at is when it did.
type words struct {
	last, before time.Duration
	at           time.Time
}

// ahead is by how much the clock is ahead, as far as is known: a word that takes its time seems to come from a clock
// that is behind.
func (w *words) ahead() time.Duration { return max(w.last, w.before) }

// New knows nothing of anybody.
func New() *Clocks { return &Clocks{of: map[primitives.NodeID]*words{}} }

// Heard takes what a validator says that its clock shows.
func (c *Clocks) Heard(node primitives.NodeID, shows, now time.Time) {
	ahead := shows.Round(0).Sub(now.Round(0)) // as people see it
	w := c.of[node]
	if w == nil || now.Sub(w.at) > lasts {
		w = &words{last: ahead}
		c.of[node] = w
	}
	w.before, w.last, w.at = w.last, ahead, now
}

// Keep forgets who isn't wanted any more.
func (c *Clocks) Keep(wanted func(primitives.NodeID) bool) {
	for id := range c.of {
		if !wanted(id) {
			delete(c.of, id)
		}
	}
}

// View is how the clocks stand to each other.
type View struct {
	// Off is by how much this node's clock is ahead of the others', or behind when it is below zero; zero: it isn't
	// off, as far as is known.
	Off time.Duration
	// Stake is that of the validators that see it so.
	Stake uint64
	// Others are the validators whose clocks are off where this node's isn't, in their order.
	Others []Other
}

// Other is a validator's clock, and by how much it is ahead of most.
type Other struct {
	Node primitives.NodeID
	Off  time.Duration
}

// See compares the clocks of those that were heard lately with that of this node. stake is everybody's.
func (c *Clocks) See(self primitives.NodeID, stake map[primitives.NodeID]uint64, now time.Time) View {
	list := c.lately(self, stake, now)
	for _, side := range []time.Duration{1, -1} {
		if by := against(list, side); heavy(by, list, self, stake) {
			return View{Off: -middle(list), Stake: by}
		}
	}
	return View{Others: others(list)}
}

type reading struct {
	Other
	stake uint64
}

// lately lists what validators have said that counts still, those with the slowest clocks first.
func (c *Clocks) lately(self primitives.NodeID, stake map[primitives.NodeID]uint64, now time.Time) (list []reading) {
	for id, w := range c.of {
		if s := stake[id]; id != self && s > 0 && now.Sub(w.at) <= lasts {
			list = append(list, reading{Other{id, w.ahead()}, s})
		}
	}
	slices.SortFunc(list, func(a, b reading) int {
		return cmp.Or(cmp.Compare(a.Off, b.Off), a.Node.Compare(b.Node))
	})
	return list
}

// against is the stake of those whose clocks are ahead of this node's, or with side -1 behind.
func against(list []reading, side time.Duration) (sum uint64) {
	for _, r := range list {
		if r.Off*side > Apart {
			sum += r.stake
		}
	}
	return sum
}

// heavy tells whether so much stake is believed about this node's clock: more than a third of all, which liars don't
// have, and no less than what sees it otherwise, this node's own included.
func heavy(by uint64, list []reading, self primitives.NodeID, stake map[primitives.NodeID]uint64) bool {
	var all uint64
	for _, s := range stake {
		all += s
	}
	otherwise := stake[self]
	for _, r := range list {
		otherwise += r.stake
	}
	otherwise -= by
	return by > all/3 && by >= otherwise
}

// middle is the median of the others' clocks, by stake.
func middle(list []reading) time.Duration {
	var all, sum uint64
	for _, r := range list {
		all += r.stake
	}
	for _, r := range list {
		if sum += r.stake; sum >= all-sum {
			return r.Off
		}
	}
	return 0
}

// others are those whose clocks are off when this node's isn't.
func others(list []reading) (off []Other) {
	for _, r := range list {
		if r.Off.Abs() > Apart {
			off = append(off, r.Other)
		}
	}
	slices.SortFunc(off, func(a, b Other) int { return a.Node.Compare(b.Node) })
	return off
}
