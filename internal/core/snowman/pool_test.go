package snowman

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// orphan is a block of a height whose parent nobody knows; i tells it apart from others.
func orphan(t *testing.T, height uint64, i, size int) *block.Block {
	t.Helper()
	return child(t, Anchor{ID: primitives.Hash{9, byte(i), byte(i >> 8)}, Height: height - 1}, 0, size)
}

// hold keeps a block for an account if there is room.
func (p *pool) hold(a account, b *block.Block) bool {
	if !p.makeRoom(a, b) {
		return false
	}
	p.add(&entry{block: b, account: a})
	return true
}

func TestAFloodOfBlocksTakesItsAccountsPartOnly(t *testing.T) {
	p := newPool(5)
	for i := range maxUndecided {
		p.hold(3, orphan(t, 5, i, 10))
	}
	if p.len() != maxUndecided/6 {
		t.Errorf("%d blocks of one of five validators are kept", p.len())
	}
	if !p.hold(4, orphan(t, 5, 0, 11)) || !p.hold(strangers, orphan(t, 5, 1, 11)) {
		t.Error("there is no room for another one's")
	}
}

func TestAFloodOfLargeBlocksTakesItsAccountsPartOnly(t *testing.T) {
	p := newPool(5)
	for i := range maxUndecided / 6 {
		p.hold(3, orphan(t, 5, i, 1<<20))
	}
	if kept := p.use(3).bytes; kept > maxBytes/6 || kept < maxBytes/6-2<<20 {
		t.Errorf("%d bytes of one of five validators are kept", kept)
	}
	if !p.hold(4, orphan(t, 5, 0, 1<<20+1)) {
		t.Error("there is no room for another one's")
	}
}

func TestManyValidatorsHaveALeastPartEach(t *testing.T) {
	p := newPool(1000)
	for i := range 2 * ofUndecided {
		p.hold(3, orphan(t, 5, i, 10))
	}
	if p.len() != ofUndecided || p.most.bytes != ofBytes {
		t.Errorf("%d blocks and %d bytes are one of a thousand validators' part", p.len(), p.most.bytes)
	}
}

func TestHigherBlocksGiveWayToLowerOnesOfTheSameAccount(t *testing.T) {
	p := newPool(5)
	others := orphan(t, 500, 0, 11)
	p.hold(4, others)
	for i := range maxUndecided / 6 {
		p.hold(3, orphan(t, uint64(100+i), i, 10))
	}
	if p.hold(3, orphan(t, 500, 1, 10)) || p.mayHold(3, 500) {
		t.Error("a block above all others finds room")
	}
	if low := orphan(t, 7, 2, 10); !p.mayHold(3, 7) || !p.hold(3, low) || p.get(low.ID()) == nil {
		t.Error("a block below all others finds no room")
	}
	if p.len() != maxUndecided/6+1 || p.get(others.ID()) == nil {
		t.Errorf("%d blocks are kept; the other account's was moved: %v", p.len(), p.get(others.ID()) == nil)
	}
}

func TestWhatIsAtTheVMOrIssuedGivesWayToNothing(t *testing.T) {
	p := newPool(5)
	for i := range maxUndecided / 6 {
		b := orphan(t, uint64(100+i), i, 10)
		p.hold(3, b)
		p.enter(p.get(b.ID()), verifying+state(i%2))
	}
	if p.hold(3, orphan(t, 7, 0, 11)) {
		t.Error("the VM would judge a block that nobody knows any more")
	}
}

func TestForgettingGivesTheRoomBack(t *testing.T) {
	p := newPool(5)
	for _, s := range []state{waiting, verifying, issued} {
		e := &entry{block: child(t, testRoot, 3, 1000), account: 3}
		p.add(e)
		p.enter(e, s)
		p.forget(e)
		p.forget(e)
		if p.len() != 0 || len(p.uses) != 0 {
			t.Errorf("state %d: %d blocks, %v are left", s, p.len(), p.uses)
		}
	}
}

func TestWhatWaitsForAnInvalidBlockIsInvalid(t *testing.T) {
	p, blocks := newPool(5), chainOf(t, 4, 10)
	for _, b := range blocks {
		p.add(&entry{block: b})
	}
	other := child(t, testRoot, 1, 10)
	p.add(&entry{block: other})
	p.condemn(p.get(blocks[1].ID()))
	for i, b := range blocks {
		if bad := i > 0; p.isInvalid(b.ID()) != bad || (p.get(b.ID()) == nil) != bad {
			t.Errorf("height %d: invalid %v", b.Height, p.isInvalid(b.ID()))
		}
	}
	if p.get(other.ID()) == nil {
		t.Error("another branch went too")
	}
}

func TestWhatWaitsForABlockThatLostHasLost(t *testing.T) {
	p, blocks := newPool(5), chainOf(t, 4, 10)
	for _, b := range blocks {
		p.add(&entry{block: b})
	}
	p.lose(p.get(blocks[1].ID()))
	for i, b := range blocks {
		if gone := i > 0; p.isLost(b.ID()) != gone || (p.get(b.ID()) == nil) != gone {
			t.Errorf("height %d: lost %v", b.Height, p.isLost(b.ID()))
		}
	}
}

func TestWhatTheVMIsJudgingStaysWhenItsParentGoes(t *testing.T) {
	p, blocks := newPool(5), chainOf(t, 3, 10)
	for _, b := range blocks {
		p.add(&entry{block: b})
	}
	p.enter(p.get(blocks[1].ID()), verifying)
	p.loseDescendants(blocks[0].ID())
	if p.len() != 3 {
		t.Errorf("%d blocks are left: the VM's answer would be about nothing", p.len())
	}
}

func TestParentsComeBeforeChildren(t *testing.T) {
	p, blocks := newPool(5), chainOf(t, 20, 10)
	for _, b := range blocks {
		p.add(&entry{block: b})
	}
	for i, e := range p.sorted() {
		if e.block.Height != uint64(i+1) {
			t.Fatalf("height %d is at %d", e.block.Height, i)
		}
	}
}

func TestEveryAccountHasItsOwnPartOfTheVerdicts(t *testing.T) {
	v := newVerdicts(5)
	first, others := orphan(t, 5, 0, 10), orphan(t, 5, 0, 11)
	v.mark(first, 3, invalid)
	v.mark(others, 4, lost)
	for i := 1; i <= maxVerdicts; i++ {
		b := orphan(t, 5, i, 10)
		v.mark(b, 3, invalid)
		v.mark(b, 3, invalid) // once is enough
	}
	if len(v.of[3]) != maxVerdicts/6 || len(v.known) != maxVerdicts/6+1 {
		t.Errorf("%d ids of one account are kept, %d in all", len(v.of[3]), len(v.known))
	}
	if v.isJudged(first.ID()) || !v.isLost(others.ID()) {
		t.Error("the oldest is kept, or another account's is gone")
	}
}
