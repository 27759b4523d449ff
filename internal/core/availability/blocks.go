package availability

import (
	"cmp"
	"maps"
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// maxBlocks is how many blocks that include one candidate are remembered: as many as the engine has undecided ones.
const maxBlocks = 1024

func compareBlocks(a, b Block) int {
	return cmp.Or(cmp.Compare(a.Number, b.Number), a.Hash.Compare(b.Hash))
}

func (r *Record) includedBy(b Block) bool {
	_, found := slices.BinarySearchFunc(r.Blocks, b, compareBlocks)
	return found
}

// include adds a block to those that include the candidate.
func (s *Store) include(c *candidate, b Block) {
	at, _ := slices.BinarySearchFunc(c.Blocks, b, compareBlocks)
	c.Blocks = slices.Insert(c.Blocks, at, b)
	s.await(c, b)
}

func (s *Store) await(c *candidate, b Block) {
	if s.waiting[b.Number] == nil {
		s.waiting[b.Number] = map[primitives.Hash]bool{}
	}
	s.waiting[b.Number][c.Candidate] = true
}

// exclude takes the blocks of a height away again, since it is known which of them is final.
func (s *Store) exclude(c *candidate, height uint64) {
	c.Blocks = slices.DeleteFunc(c.Blocks, func(b Block) bool { return b.Number == height })
	if delete(s.waiting[height], c.Candidate); len(s.waiting[height]) == 0 {
		delete(s.waiting, height)
	}
}

// Awaiting lists, ascending, the heights up to one at which blocks include candidates, so that it matters which of them
// is final. What is heard of a block after its height was final is listed as well.
func (s *Store) Awaiting(upTo uint64) (heights []uint64) {
	for n := range s.waiting {
		if n <= upTo {
			heights = append(heights, n)
		}
	}
	slices.Sort(heights)
	return heights
}

func sorted(set map[primitives.Hash]bool) []primitives.Hash {
	return slices.SortedFunc(maps.Keys(set), primitives.Hash.Compare)
}
