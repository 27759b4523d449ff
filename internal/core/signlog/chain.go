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
type chain struct {
	blocks series
	votes  ballots
}

// series is what was signed of one kind on a chain: its floor, if something was forgotten, and the records that are
// remembered.
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

func (s *series) below(at position) bool { return s.pruned && at.compare(s.floor) <= 0 }

// drop forgets the records whose position is gone.
func (m *Memory) drop(s *series, gone func(position) bool) {
	s.entries = slices.DeleteFunc(s.entries, func(e entry) bool {
		if !gone(e.at) {
			return false
		}
		m.forget(e.rec)
		return true
	})
}

// excess is the floor above which limit records of a series are left, if it holds more than twice as many.
func (s *series) excess(limit int) (floor position, ok bool) {
	if len(s.entries) <= 2*limit {
		return position{}, false
	}
	slices.SortFunc(s.entries, func(a, b entry) int { return a.at.compare(b.at) })
	return s.entries[len(s.entries)-limit-1].at, true
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

func (m *Memory) chain(id chainID) *chain {
	c := m.chains[id]
	if c == nil {
		c = &chain{}
		m.chains[id] = c
	}
	return c
}

func (m *Memory) insertBlock(b signbytes.Block, rec Record) {
	s := &m.chain(chainID{b.NetworkID, b.ChainID}).blocks
	s.entries = append(s.entries, entry{slotOf(b), rec})
	if floor, ok := s.excess(m.limits.BlocksPerChain); ok {
		m.raise(s, floor)
	}
}

// raise lifts the floor of the blocks of a chain and forgets what isn't above it.
func (m *Memory) raise(s *series, floor position) {
	if !s.below(floor) {
		s.pruned, s.floor = true, floor
		m.drop(s, s.below)
	}
}
