package signlog

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// ballots is what is remembered of the votes on a chain: those of the height at which the key has voted last, and of
// them at least the latest ones and the lock. Votes of the heights before are forgotten, since nobody can be given one.
type ballots struct {
	series
	// top is the position of the last vote, or the floor, if that is higher: only what comes after it is signed.
	top position
	// lock is the position of the latest commit vote for a block at the height of top; zero: there is none. Whoever
	// forgot it could vote for another block and fork the chain, so it stays below the floor, too.
	lock position
}

// turnOf is the position of a vote, which is never zero: there is no phase 0.
func turnOf(v signbytes.Vote) position {
	return position{v.Height, uint64(v.Round)<<8 | uint64(v.Phase)}
}

// roundOf is the round of a position of a vote.
func roundOf(at position) uint32 { return uint32(at.place >> 8) }

// endOf comes after all votes of a height.
func endOf(height uint64) position { return position{height, math.MaxUint64} }

// locks tells whether a vote is one that a validator has to remember: a commit to a block.
func locks(v signbytes.Vote) bool { return v.Phase == signbytes.Commit && !v.Block.IsZero() }

// roomForBallot refuses a vote on a chain for a height, round and phase that this key has left behind: an honest
// validator only goes forward, so whoever asks doesn't know what was signed before.
func (m *Memory) roomForBallot(v signbytes.Vote) error {
	c, err := m.roomOn(chainID{v.NetworkID, v.ChainID}, v, v.Height)
	if c == nil || err != nil {
		return err
	}
	if top := c.votes.top; turnOf(v).compare(top) <= 0 {
		return &PassedError{What: v.String(), Height: top.height, Round: roundOf(top)}
	}
	return nil
}

func (m *Memory) insertBallot(v signbytes.Vote, rec Record) {
	b, at := &m.chain(chainID{v.NetworkID, v.ChainID}).votes, turnOf(v)
	b.entries = append(b.entries, entry{at, rec})
	b.top = later(b.top, at)
	if locks(v) && at.height == b.top.height {
		b.lock = later(b.lock, at)
	}
	if at.height > 0 {
		b.lift(endOf(at.height - 1))
	}
	if floor, ok := b.excess(max(1, m.limits.VotesPerChain)); ok {
		b.lift(floor)
	}
	m.drop(&b.series, b.forgets)
}

// raiseBallots lifts the floor of the votes on a chain and forgets what isn't above it, but for the lock.
func (m *Memory) raiseBallots(b *ballots, floor position) {
	b.lift(floor)
	m.drop(&b.series, b.forgets)
}

// lift raises the floor. The lock ends with its height.
func (b *ballots) lift(floor position) {
	if b.below(floor) {
		return
	}
	b.pruned, b.floor, b.top = true, floor, later(b.top, floor)
	if b.below(endOf(b.lock.height)) {
		b.lock = position{}
	}
}

func (b *ballots) forgets(at position) bool { return b.below(at) && at != b.lock }

func later(a, b position) position {
	if a.compare(b) > 0 {
		return a
	}
	return b
}

// Ballots tells at which height this key has voted last on a chain, and lists the votes of that height that are
// remembered, in the order in which they were signed: at least Limits.VotesPerChain latest ones, and whatever comes
// after it the latest commit vote for a block. A consensus engine that starts must know them before it votes. Height 0
// means that there is no vote. Up to a height that RefuseHeight has set nothing is signed, so it is given if it is
// higher, without votes.
func (m *Memory) Ballots(network uint32, of primitives.Hash) (height uint64, votes []Record) {
	if m.raised {
		height = m.height
	}
	c := m.chains[chainID{network, of}]
	if c == nil || m.raised && c.votes.top.height <= height {
		return height, nil
	}
	height = c.votes.top.height
	for _, e := range c.votes.entries {
		if e.at.height == height {
			votes = append(votes, e.rec)
		}
	}
	slices.SortFunc(votes, func(a, b Record) int { return cmp.Compare(a.Seq, b.Seq) })
	return height, votes
}

// Turn is where a key has voted last on a chain.
type Turn struct {
	Chain  primitives.Hash
	Height uint64
	Round  uint32
}

// Turns lists where this key has voted last on each chain on which it has voted, in the order of the chains.
func (m *Memory) Turns() []Turn {
	var turns []Turn
	for _, id := range slices.SortedFunc(maps.Keys(m.chains), chainID.compare) {
		if b := &m.chains[id].votes; len(b.entries) > 0 {
			turns = append(turns, Turn{id.chain, b.top.height, roundOf(b.top)})
		}
	}
	return turns
}

func (id chainID) compare(o chainID) int {
	return cmp.Or(cmp.Compare(id.network, o.network), id.chain.Compare(o.chain))
}
