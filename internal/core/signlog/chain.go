package signlog

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

type chainID struct {
	network uint32
	chain   primitives.Hash
}

// chain is what is remembered of one chain.
type chain struct{ blocks, votes series }

// series is what was signed of one kind on a chain: its floor, if something was forgotten, and the records above it.
type series struct {
	pruned  bool
	floor   position
	entries []entry
}

type entry struct {
	at  position
	rec Record
}

// position orders what is signed on a chain: within a height proposals by slot, and votes by round and phase.
type position struct{ height, place uint64 }

func (p position) compare(o position) int {
	return cmp.Or(cmp.Compare(p.height, o.height), cmp.Compare(p.place, o.place))
}

func slotOf(b signbytes.Block) position { return position{b.Height, b.Slot} }

func turnOf(v signbytes.Vote) position {
	return position{v.Height, uint64(v.Round)<<8 | uint64(v.Phase)}
}

func (s *series) below(at position) bool { return s.pruned && at.compare(s.floor) <= 0 }

// last is the highest position that was signed.
func (s *series) last() (position, bool) {
	if len(s.entries) == 0 {
		return s.floor, s.pruned
	}
	return slices.MaxFunc(s.entries, func(a, b entry) int { return a.at.compare(b.at) }).at, true
}

// roomOn refuses what is not above the floors of its chain, or would be one chain too many.
func (m *Memory) roomOn(id chainID, what signbytes.Payload, height uint64) (*chain, error) {
	c := m.chains[id]
	if m.raised && height <= m.height {
		return nil, &PrunedError{What: what.String(), Floor: fmt.Sprintf("height %d", m.height)}
	}
	if c == nil && len(m.chains) >= m.limits.Chains {
		return nil, &FullError{What: what.String(), Limit: fmt.Sprintf("%d chains", len(m.chains))}
	}
	return c, nil
}

func (m *Memory) roomForBlock(b signbytes.Block) error {
	c, err := m.roomOn(chainID{b.NetworkID, b.ChainID}, b, b.Height)
	if c != nil && c.blocks.below(slotOf(b)) {
		return &PrunedError{
			What:  b.String(),
			Floor: fmt.Sprintf("height %d, slot %d", c.blocks.floor.height, c.blocks.floor.place),
		}
	}
	return err
}

// roomForBallot refuses a vote on a chain for a height, round and phase that this key has left behind: an honest
// validator only goes forward, so whoever asks doesn't know what was signed before.
func (m *Memory) roomForBallot(v signbytes.Vote) error {
	c, err := m.roomOn(chainID{v.NetworkID, v.ChainID}, v, v.Height)
	if c == nil {
		return err
	}
	if last, ok := c.votes.last(); ok && turnOf(v).compare(last) <= 0 {
		return &PassedError{What: v.String(), Height: last.height, Round: uint32(last.place >> 8)}
	}
	return nil
}

func (m *Memory) chain(id chainID) *chain {
	c := m.chains[id]
	if c == nil {
		c = &chain{}
		m.chains[id] = c
	}
	return c
}

func (m *Memory) insertBlock(b signbytes.Block, rec Record) {
	m.insertIn(&m.chain(chainID{b.NetworkID, b.ChainID}).blocks, slotOf(b), rec, m.limits.BlocksPerChain)
}

func (m *Memory) insertBallot(v signbytes.Vote, rec Record) {
	m.insertIn(&m.chain(chainID{v.NetworkID, v.ChainID}).votes, turnOf(v), rec, m.limits.VotesPerChain)
}

func (m *Memory) insertIn(s *series, at position, rec Record, limit int) {
	s.entries = append(s.entries, entry{at, rec})
	if len(s.entries) > 2*limit {
		slices.SortFunc(s.entries, func(a, b entry) int { return a.at.compare(b.at) })
		m.raise(s, s.entries[len(s.entries)-limit-1].at)
	}
}

// raise lifts the floor of a series and forgets what isn't above it.
func (m *Memory) raise(s *series, floor position) {
	if s.below(floor) {
		return
	}
	s.pruned, s.floor = true, floor
	s.entries = slices.DeleteFunc(s.entries, func(e entry) bool {
		if e.at.compare(floor) > 0 {
			return false
		}
		m.forget(e.rec)
		return true
	})
}

// Ballots lists the votes on a chain that are remembered, from a height on, in the order in which they were signed.
// They are what a consensus engine that starts again must know before it votes.
func (m *Memory) Ballots(network uint32, of primitives.Hash, from uint64) []Record {
	c := m.chains[chainID{network, of}]
	if c == nil {
		return nil
	}
	var records []Record
	for _, e := range c.votes.entries {
		if e.at.height >= from {
			records = append(records, e.rec)
		}
	}
	return records
}
