package byzantine

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// knowledge is what a liar has heard of the heights that aren't decided.
type knowledge struct {
	chain   block.Chain
	at      uint64 // the height that is being decided
	blocks  map[primitives.Hash]uint64
	options map[uint64][]primitives.Hash // of each height, in the order in which they were seen
	wants   map[primitives.NodeID]primitives.Hash
	voted   map[place]primitives.Hash
}

// place is where a peer has voted.
type place struct {
	by     primitives.NodeID
	height uint64
	round  uint32
	phase  int32
}

// ahead is how many heights it looks at above the one that is being decided, and most how many blocks it notes of one.
const (
	ahead = 16
	most  = 64
)

func newKnowledge(chain block.Chain) knowledge {
	return knowledge{
		chain: chain, blocks: map[primitives.Hash]uint64{}, options: map[uint64][]primitives.Hash{},
		wants: map[primitives.NodeID]primitives.Hash{}, voted: map[place]primitives.Hash{},
	}
}

// rise forgets what is below a height; false: it stood there already.
func (k *knowledge) rise(height uint64) bool {
	if height <= k.at {
		return false
	}
	k.at = height
	for h, ids := range k.options { // the order doesn't matter
		if h < height {
			for _, id := range ids {
				delete(k.blocks, id)
			}
			delete(k.options, h)
		}
	}
	for p := range k.voted {
		if p.height < height {
			delete(k.voted, p)
		}
	}
	return true
}

// shown notes a block; zero: it is none.
func (k *knowledge) shown(raw []byte) primitives.Hash {
	b, err := block.Decode(k.chain, raw)
	if err != nil {
		return primitives.Hash{}
	}
	k.note(b)
	return b.ID()
}

func (k *knowledge) note(b *block.Block) {
	if b.Height < k.at || b.Height > k.at+ahead || k.blocks[b.ID()] != 0 || len(k.options[b.Height]) >= most {
		return
	}
	k.blocks[b.ID()] = b.Height
	k.options[b.Height] = append(k.options[b.Height], b.ID())
}

// asks notes what a peer is for.
func (k *knowledge) asks(n primitives.NodeID, id primitives.Hash) {
	if !id.IsZero() {
		k.wants[n] = id
	}
}

// votes notes what a peer has voted. False: it was known.
func (k *knowledge) votes(p place, id primitives.Hash) bool {
	before, known := k.voted[p]
	if p.height < k.at || p.height > k.at+ahead || known && before == id {
		return false
	}
	k.voted[p] = id
	return true
}

// height of a block; 0: it isn't known.
func (k *knowledge) height(id primitives.Hash) uint64 { return k.blocks[id] }

// another is a block of the same height than the given one, of the height that is being decided when that one isn't
// known; otherwise when there is none.
func (k *knowledge) another(than, otherwise primitives.Hash) primitives.Hash {
	height := k.height(than)
	if height == 0 {
		height = k.at
	}
	if i := slices.IndexFunc(k.options[height], func(id primitives.Hash) bool { return id != than }); i >= 0 {
		return k.options[height][i]
	}
	return otherwise
}
