package consensus

import (
	"time"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nb "github.com/reevenet/reeve/services/networkbridge"
)

// plots are how liars choose what to say and when, where two blocks compete for a height and the honest are divided:
// one node, the victim, is to decide the first block alone and the others the second one. So the victim hears that the
// liars are for the first block, and so do just as many of the other side as it takes for the victim to decide; the
// rest of its own side hears nothing, so that their polls stay as old as they are, until the victim has decided, and
// then everybody hears that the liars are for the second block.
type plots struct {
	liars *liars
	// side is the first block of the height that a node was for.
	side map[int]primitives.Hash
	at   uint64 // the height that side is about
	// shown counts the honest nodes that were shown each block.
	shown map[primitives.Hash]map[int]bool
	// known is when all of them have both blocks, and stale is when one of those who are kept waiting has asked all.
	known, stale time.Duration
}

// role is what a node is for in a plot.
type role int

const (
	bystander role = iota // is for the second block, and stays so
	victim                // decides the first block
	convert               // is brought over to the first block until the victim has decided
	kept                  // is for the first block, and is kept waiting until then
)

// joins notes which block a node is for, or is going to be for.
func (p *plots) joins(node int, height uint64, block primitives.Hash) {
	if p.side == nil || height > p.at {
		*p = plots{liars: p.liars, side: map[int]primitives.Hash{}, at: height,
			shown: map[primitives.Hash]map[int]bool{}}
	}
	if _, known := p.side[node]; !known && height == p.at {
		p.side[node] = block
	}
}

// says is what a node hears about a height; later: it hears nothing before the victim has decided.
func (p *plots) says(c *chain, to int, height uint64) (block primitives.Hash, later, ok bool) {
	options := c.votes.at[height]
	if height != p.at || len(options) < 2 {
		return block, false, false
	}
	first, second := options[0], options[1]
	now := p.liars.net.World.Clock.Elapsed()
	switch role := p.role(c, to, first); {
	case role == victim:
		return first, false, true
	case p.done(c, height, first), role == bystander:
		return second, false, true
	case !p.ready(c, first, second):
		return p.side[to], false, true
	case role == convert:
		if p.stale > 0 && now > p.stale {
			return first, false, true
		}
		return second, false, true
	}
	if p.stale == 0 {
		p.stale = now + p.liars.net.World.Timing.Far + time.Millisecond
	}
	return second, true, true
}

// votes is what a node is told that a liar votes for: to the victim, and to those who shall prepare with it, the first
// block; that a quorum has committed to it only the victim learns.
func (p *plots) votes(
	c *chain, to int, height uint64, phase signbytes.Phase,
) (block primitives.Hash, ok bool) {
	options := c.votes.at[height]
	if height != p.at || len(options) < 2 {
		return block, false
	}
	first, second := options[0], options[1]
	switch role := p.role(c, to, first); {
	case role == victim:
		return first, true
	case p.done(c, height, first), role == bystander:
		return second, true
	case phase == signbytes.Prepare:
		return first, true
	}
	return finality.None, true
}

// shows notes that a node was shown a block.
func (p *plots) shows(to int, id primitives.Hash) {
	if p.shown == nil || p.liars.is(to) {
		return
	}
	if p.shown[id] == nil {
		p.shown[id] = map[int]bool{}
	}
	p.shown[id][to] = true
}

// ready tells whether all honest nodes have both blocks.
func (p *plots) ready(c *chain, first, second primitives.Hash) bool {
	honest := 0
	for i := range c.replicas {
		if !p.liars.is(i) {
			honest++
		}
	}
	now := p.liars.net.World.Clock.Elapsed()
	if p.known == 0 && len(p.shown[first]) >= honest-1 && len(p.shown[second]) >= honest-1 {
		p.known = now + 2*p.liars.net.World.Timing.Far + 10*time.Millisecond
	}
	return p.known > 0 && now > p.known
}

// role is what a node is for.
func (p *plots) role(c *chain, node int, first primitives.Hash) role {
	v := p.victim(c, first)
	switch {
	case node == v:
		return victim
	case p.side[node] == first:
		return kept
	}
	units := p.liarUnits()
	for i := range c.replicas {
		if p.side[i] == first && !p.liars.is(i) {
			units += p.liars.net.Set.UnitsOf(i)
		}
	}
	for i := range c.replicas { // in the order of nodes, until there are enough
		if p.liars.is(i) || p.side[i] == first || units >= p.liars.net.params.AlphaConfidence {
			continue
		}
		if i == node {
			return convert
		}
		units += p.liars.net.Set.UnitsOf(i)
	}
	return bystander
}

// victim is the first honest node that is for the block; -1: none is.
func (p *plots) victim(c *chain, first primitives.Hash) int {
	for i := range c.replicas {
		if p.side[i] == first && !p.liars.is(i) {
			return i
		}
	}
	return -1
}

func (p *plots) liarUnits() (units int) {
	for i := range p.liars.net.size {
		if p.liars.is(i) {
			units += p.liars.net.Set.UnitsOf(i)
		}
	}
	return units
}

// done tells whether the victim has decided.
func (p *plots) done(c *chain, height uint64, first primitives.Hash) bool {
	v := p.victim(c, first)
	return v >= 0 && c.replicas[v].Height() >= height
}

// chits is what a node that asks hears in the place of a liar's honest answer; false: there is no plot about it.
func (p *plots) chits(from *replica, to int, lane nb.Lane, frame []byte) (said []byte, ok bool) {
	c := from.chain
	height, known := c.votes.known[c.votes.asked[to]]
	if !known {
		height = uint64(len(c.final))
	}
	block, later, ok := p.says(c, to, height)
	if !ok {
		return nil, false
	}
	said = remake(frame, func(m *enginev1.PeerMessage) {
		m.GetChits().PreferredId, m.GetChits().PreferredIdAtHeight = block[:], block[:]
	})
	if !later {
		return said, true
	}
	first := c.votes.at[height][0]
	p.liars.late.hold(held{
		from: from.node.Index, to: to, lane: lane, frame: said, about: subject{height: height},
		plot: true, until: func() bool { return p.done(c, height, first) },
	})
	return nil, true
}
