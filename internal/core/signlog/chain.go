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

// chain is what is remembered of one chain: its floor, if something was forgotten, and the blocks above it.
type chain struct {
	pruned bool
	floor  position
	blocks []block
}

type block struct {
	at  position
	rec Record
}

// position orders the proposals of a chain.
type position struct{ height, slot uint64 }

func (p position) compare(o position) int {
	return cmp.Or(cmp.Compare(p.height, o.height), cmp.Compare(p.slot, o.slot))
}

func (p position) String() string { return fmt.Sprintf("height %d, slot %d", p.height, p.slot) }

func (c *chain) below(at position) bool { return c.pruned && at.compare(c.floor) <= 0 }

func (m *Memory) roomForBlock(b signbytes.Block) error {
	c := m.chains[chainID{b.NetworkID, b.ChainID}]
	if m.raised && b.Height <= m.height {
		return &PrunedError{What: b.String(), Floor: fmt.Sprintf("height %d", m.height)}
	}
	if c == nil && len(m.chains) >= m.limits.Chains {
		return &FullError{What: b.String(), Limit: fmt.Sprintf("%d chains", len(m.chains))}
	}
	if c != nil && c.below(position{b.Height, b.Slot}) {
		return &PrunedError{What: b.String(), Floor: c.floor.String()}
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
	c := m.chain(chainID{b.NetworkID, b.ChainID})
	c.blocks = append(c.blocks, block{position{b.Height, b.Slot}, rec})
	if len(c.blocks) > 2*m.limits.BlocksPerChain {
		slices.SortFunc(c.blocks, func(a, b block) int { return a.at.compare(b.at) })
		m.raise(c, c.blocks[len(c.blocks)-m.limits.BlocksPerChain-1].at)
	}
}

// raise lifts the floor of a chain and forgets what isn't above it.
func (m *Memory) raise(c *chain, floor position) {
	if c.below(floor) {
		return
	}
	c.pruned, c.floor = true, floor
	c.blocks = slices.DeleteFunc(c.blocks, func(b block) bool {
		if b.at.compare(floor) > 0 {
			return false
		}
		m.forget(b.rec)
		return true
	})
}
