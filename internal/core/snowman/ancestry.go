package snowman

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// ancestry is the chain of blocks from the last accepted one to a target. First its ids are learnt, from the target
// down; then the blocks are taken upwards. Every block in it has the id that its child names, so one trusted target
// makes all trusted. Of the blocks themselves only the lowest that fit into limit are kept: the others are fetched
// again when their turn comes.
//
// Of a long way only the ids of the lowest stretch are kept, and of each one above the id at its top. When a stretch is
// done, the ids of the next one are learnt in the same way, from its top down.
type ancestry struct {
	want    primitives.Hash   // the block to ask for next
	wantAt  int               // its index in ids
	whole   bool              // ids reach down to the last accepted block
	ids     []primitives.Hash // of the stretch, newest first
	most    int               // of ids
	tops    []primitives.Hash // of the stretches above, newest first
	blocks  map[primitives.Hash]*block.Block
	proofs  map[primitives.Hash]certificate // of blocks, and of those that were just taken out
	bytes   int                             // of both
	limit   int                             // of bytes
	highest int                             // no newer block than this one is kept; an index in ids
	// how many blocks above the next one are asked for, when they are fetched again
	span int
}

// maxStretch bounds the ids that are kept, 32 bytes each.
const maxStretch = 1 << 20

// certificate is what came with a block, not checked, and from whom.
type certificate struct {
	bytes []byte
	from  primitives.NodeID
}

func newAncestry(target primitives.Hash) *ancestry {
	return &ancestry{
		want: target, blocks: make(map[primitives.Hash]*block.Block),
		proofs: make(map[primitives.Hash]certificate), limit: maxBytes, span: 256,
		most: maxStretch,
	}
}

// shelve forgets the stretch but for its top: the way goes on below it.
func (a *ancestry) shelve() {
	a.tops = append(a.tops, a.ids[0])
	a.restart()
}

// climb begins with the stretch above, when one is done. False: there is none.
func (a *ancestry) climb() bool {
	if len(a.tops) == 0 {
		return false
	}
	a.restart()
	a.want, a.tops = a.tops[len(a.tops)-1], a.tops[:len(a.tops)-1]
	return true
}

func (a *ancestry) restart() {
	clear(a.blocks)
	clear(a.proofs)
	a.ids, a.wantAt, a.whole, a.bytes, a.highest = a.ids[:0], 0, false, 0, 0
}

// left is the number of blocks of the stretch that are known and not taken out.
func (a *ancestry) left() int { return len(a.ids) }

// next takes the lowest block out. Nil: it isn't here, and want is where to ask for it. To be used once the ancestry is
// whole.
func (a *ancestry) next() *block.Block {
	b := a.blocks[a.ids[len(a.ids)-1]]
	if b == nil {
		a.wantAt = max(0, len(a.ids)-a.span)
		a.want = a.ids[a.wantAt]
		return nil
	}
	a.ids = a.ids[:len(a.ids)-1]
	delete(a.blocks, b.ID())
	a.bytes -= len(b.Bytes())
	return b
}

// certificate is what came with the block that was taken out last.
func (a *ancestry) certificate(id primitives.Hash) certificate { return a.proofs[id] }

// forget drops the certificate of a block that was taken out.
func (a *ancestry) forget(id primitives.Hash) {
	a.bytes -= len(a.proofs[id].bytes)
	delete(a.proofs, id)
}

// putBack takes a block's place back in, without the block: it will be asked for again.
func (a *ancestry) putBack(b *block.Block) {
	a.forget(b.ID())
	a.ids = append(a.ids, b.ID())
}

// add takes as many blocks as follow each other from the wanted one down, and returns how many. beside: they reach down
// beside the last accepted block, which is no way up from it.
func (a *ancestry) add(chain block.Chain, root Anchor, in Ancestors) (taken int, beside bool) {
	want, index := a.want, a.wantAt
	for i, data := range in.Containers {
		b, err := block.Decode(chain, data)
		if err != nil || b.ID() != want {
			break
		}
		taken++
		if b.Height <= root.Height {
			return taken, !a.whole // fetching again overlaps with what is done
		}
		if index == a.most {
			a.shelve()
			index = 0
		}
		a.keep(b, certificate{at(in.Certificates, i), in.Node}, index)
		want = b.Parent
		index++
		a.whole = a.whole || want == root.ID
	}
	if !a.whole {
		a.want, a.wantAt = want, index
	} else if taken > 0 && a.blocks[a.ids[len(a.ids)-1]] == nil {
		a.span = max(1, taken/2) // the answer didn't reach down to the next block
	}
	return taken, false
}

// at is an element of a list that may be shorter than it should be.
func at(list [][]byte, i int) []byte {
	if i >= len(list) {
		return nil
	}
	return list[i]
}

// keep remembers a block with its index in ids, and drops the newest ones when there are too many.
func (a *ancestry) keep(b *block.Block, c certificate, at int) {
	if at == len(a.ids) {
		a.ids = append(a.ids, b.ID())
	}
	if a.blocks[b.ID()] != nil {
		return
	}
	a.blocks[b.ID()], a.proofs[b.ID()] = b, c
	a.bytes += len(b.Bytes()) + len(c.bytes)
	a.highest = min(a.highest, at)
	for a.bytes > a.limit && a.highest < len(a.ids) {
		if newest := a.blocks[a.ids[a.highest]]; newest != nil {
			a.drop(newest)
		}
		a.highest++
	}
}

func (a *ancestry) drop(b *block.Block) {
	if a.blocks[b.ID()] != nil {
		delete(a.blocks, b.ID())
		a.bytes -= len(b.Bytes())
		a.forget(b.ID())
	}
}
