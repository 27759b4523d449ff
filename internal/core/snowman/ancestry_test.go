package snowman

import (
	"slices"
	"testing"

	"github.com/reevenet/reeve/internal/core/block"
	"pgregory.net/rapid"
)

// answer is what an honest peer sends: a block and those before it, newest first, at most so many.
func answer(blocks []*block.Block, want [32]byte, most int) (containers [][]byte) {
	at := slices.IndexFunc(blocks, func(b *block.Block) bool { return b.ID() == want })
	for ; at >= 0 && len(containers) < most; at-- {
		containers = append(containers, blocks[at].Bytes())
	}
	return containers
}

// Whatever the answers' lengths and however little may be kept, of blocks and of ids, every block comes out once, in
// order.
func TestABlockComesOutAfterItsParentHoweverLittleIsKept(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		blocks := chainOf(t, rapid.IntRange(1, 60).Draw(rt, "length"), 100)
		a := newAncestry(blocks[len(blocks)-1].ID())
		a.limit = rapid.IntRange(1, 20).Draw(rt, "kept") * len(blocks[0].Bytes())
		a.most = rapid.IntRange(1, 70).Draw(rt, "stretch")
		var out []*block.Block
		for questions := 0; len(out) < len(blocks); questions++ {
			if questions > 10*len(blocks) {
				rt.Fatalf("after %d questions %d of %d blocks are out", questions, len(out), len(blocks))
			}
			root := testRoot
			if len(out) > 0 {
				root = anchorOf(out[len(out)-1])
			}
			most := rapid.IntRange(1, 30).Draw(rt, "answer")
			if taken, beside := a.add(testChain, root,
				Ancestors{Containers: answer(blocks, a.want, most)}); taken == 0 || beside {
				rt.Fatalf("an honest answer brought %d blocks, beside %v", taken, beside)
			}
			if a.bytes > a.limit || len(a.ids) > a.most {
				rt.Fatalf("%d bytes are kept, at most %d, and %d ids, at most %d", a.bytes, a.limit, len(a.ids), a.most)
			}
			for a.whole && a.left() > 0 {
				b := a.next()
				if b == nil {
					break
				}
				a.forget(b.ID())
				out = append(out, b)
			}
			if a.whole && a.left() == 0 && a.climb() != (len(out) < len(blocks)) {
				rt.Fatalf("%d of %d blocks are out, and whether there are more it knows wrongly", len(out), len(blocks))
			}
		}
		if !slices.Equal(out, blocks) && !sameIDs(out, blocks) {
			rt.Fatal("they came out in another order")
		}
	})
}

func sameIDs(a, b []*block.Block) bool {
	return slices.EqualFunc(a, b, func(x, y *block.Block) bool { return x.ID() == y.ID() })
}

func TestAnAnswerThatDoesntFollowIsTakenAsFarAsItDoes(t *testing.T) {
	blocks := chainOf(t, 5, 10)
	a := newAncestry(blocks[4].ID())
	if taken, _ := a.add(testChain, testRoot, Ancestors{Containers: [][]byte{blocks[3].Bytes()}}); taken != 0 ||
		a.left() != 0 {
		t.Errorf("%d blocks of another one's ancestry were taken", taken)
	}
	gap := [][]byte{blocks[4].Bytes(), blocks[3].Bytes(), blocks[1].Bytes()}
	if taken, _ := a.add(testChain, testRoot, Ancestors{Containers: gap}); taken != 2 || a.want != blocks[2].ID() {
		t.Errorf("%d blocks were taken of an answer with a gap", taken)
	}
	if taken, _ := a.add(testChain, testRoot, Ancestors{Containers: [][]byte{[]byte("nonsense")}}); taken != 0 ||
		a.left() != 2 {
		t.Errorf("%d blocks of nonsense were taken", taken)
	}
}

func TestAnAncestryThatPassesTheLastAcceptedBlockByLeadsNowhere(t *testing.T) {
	blocks := chainOf(t, 5, 10)
	here := anchorOf(child(t, anchorOf(blocks[1]), 1, 10)) // a sibling of the third
	a := newAncestry(blocks[4].ID())
	if _, beside := a.add(testChain, here, Ancestors{Containers: answer(blocks, blocks[4].ID(), 5)}); !beside {
		t.Error("it was taken for a way up from another block")
	}
}
