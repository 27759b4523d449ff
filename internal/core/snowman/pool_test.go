package snowman

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
)

func TestAFloodOfSignedBlocksTakesItsValidatorsShareOnly(t *testing.T) {
	p := newPool()
	for slot := range uint64(2 * maxOfProposer) {
		b := child(t, Anchor{ID: primitives.Hash{byte(slot), byte(slot >> 8)}}, 3, 10)
		if p.room(b) {
			p.add(&entry{block: b})
		}
	}
	if p.len() != maxOfProposer {
		t.Errorf("%d blocks of one validator are kept", p.len())
	}
	if !p.room(child(t, testRoot, 4, 10)) {
		t.Error("there is no room for another one's")
	}
}

func TestForgettingGivesTheRoomBack(t *testing.T) {
	p := newPool()
	e := &entry{block: child(t, testRoot, 3, 1000)}
	p.add(e)
	p.forget(e)
	p.forget(e)
	if p.len() != 0 || p.bytes != 0 || len(p.of) != 0 {
		t.Errorf("%d blocks, %d bytes, %d proposers are left", p.len(), p.bytes, len(p.of))
	}
}

func TestWhatWaitsForAnInvalidBlockIsInvalid(t *testing.T) {
	p, blocks := newPool(), chainOf(t, 4, 10)
	for _, b := range blocks {
		p.add(&entry{block: b})
	}
	other := child(t, testRoot, 1, 10)
	p.add(&entry{block: other})
	p.condemn(p.get(blocks[1].ID()))
	for i, b := range blocks {
		if invalid := i > 0; p.isInvalid(b.ID()) != invalid || (p.get(b.ID()) == nil) != invalid {
			t.Errorf("height %d: invalid %v", b.Height, p.isInvalid(b.ID()))
		}
	}
	if p.get(other.ID()) == nil {
		t.Error("another branch went too")
	}
}

func TestWhatTheVMIsJudgingStaysWhenItsParentGoes(t *testing.T) {
	p, blocks := newPool(), chainOf(t, 3, 10)
	for _, b := range blocks {
		p.add(&entry{block: b})
	}
	p.get(blocks[1].ID()).state = verifying
	p.forgetDescendants(blocks[0].ID())
	if p.len() != 3 {
		t.Errorf("%d blocks are left: the VM's answer would be about nothing", p.len())
	}
}

func TestParentsComeBeforeChildren(t *testing.T) {
	p, blocks := newPool(), chainOf(t, 20, 10)
	for _, b := range blocks {
		p.add(&entry{block: b})
	}
	for i, e := range p.sorted() {
		if e.block.Height != uint64(i+1) {
			t.Fatalf("height %d is at %d", e.block.Height, i)
		}
	}
}

func TestTheIDsOfInvalidBlocksAreBounded(t *testing.T) {
	p := newPool()
	first := child(t, testRoot, 0, 10)
	p.markInvalid(first)
	for i := range maxInvalid {
		p.markInvalid(child(t, Anchor{ID: primitives.Hash{9, byte(i), byte(i >> 8)}}, 0, 10))
	}
	if len(p.invalid) != maxInvalid || len(p.order) != maxInvalid || p.isInvalid(first.ID()) {
		t.Errorf("%d ids are kept, the oldest %v", len(p.invalid), p.isInvalid(first.ID()))
	}
}
