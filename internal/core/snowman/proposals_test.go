package snowman

import (
	"crypto/ed25519"
	"testing"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
)

// proposalOf is a block that validator 2 proposes on a parent; its body tells it from others for the slot.
func proposalOf(t *testing.T, parent Anchor, slot uint64, body string) *block.Block {
	t.Helper()
	return signedBy(t, block.Header{Height: parent.Height + 1, Parent: parent.ID, Slot: slot, Proposer: 2}, body, 0)
}

// signedBy is a block with a signature of its own.
func signedBy(t *testing.T, h block.Header, body string, nonce byte) *block.Block {
	t.Helper()
	signature := make([]byte, ed25519.SignatureSize)
	signature[0] = nonce
	b, err := block.New(testChain, h, block.Body(nil, []byte(body)), signature)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// accusations are those among what is to be done.
func (t *turn) accusations() (list []AccuseBlocks) {
	for _, a := range t.out {
		if a, ok := a.(AccuseBlocks); ok {
			list = append(list, a)
		}
	}
	t.out = nil
	return list
}

func TestWhoSignsTwoBlocksForASlotIsAccusedOnceAtAHeight(t *testing.T) {
	s := testIssuing(t)
	one, two := proposalOf(t, s.tip(), 3, "one"), proposalOf(t, s.tip(), 3, "two")
	s.receive(one, node(1), false)
	if list := s.accusations(); len(list) != 0 {
		t.Fatalf("for one block: %v", list)
	}
	s.receive(two, node(3), false)
	list := s.accusations()
	if len(list) != 1 || list[0].First.ID() != one.ID() || list[0].Second.ID() != two.ID() {
		t.Fatalf("%v", list)
	}
	s.receive(proposalOf(t, s.tip(), 3, "three"), node(3), false)
	s.receive(proposalOf(t, s.tip(), 5, "four"), node(3), false)
	s.receive(proposalOf(t, s.tip(), 5, "five"), node(3), false)
	if list := s.accusations(); len(list) != 0 {
		t.Errorf("again at the height: %v", list)
	}
	s.after(muteTime) // what was shown before isn't valid otherwise either
	high := Anchor{ID: primitives.Hash{9}, Height: 7}
	s.receive(proposalOf(t, high, 3, "one"), node(1), false)
	s.receive(proposalOf(t, high, 3, "two"), node(1), false)
	if list := s.accusations(); len(list) != 1 {
		t.Errorf("at another height: %v", list)
	}
}

func TestWhatNoProposerIsToBlameForIsNoAccusation(t *testing.T) {
	at := Anchor{ID: testRoot.ID}
	same := block.Header{Height: 1, Parent: at.ID, Slot: 3, Proposer: 2}
	other := same
	other.Proposer = 3
	for what, both := range map[string][2]*block.Block{
		"another slot":              {proposalOf(t, at, 3, "one"), proposalOf(t, at, 7, "two")},
		"another proposer":          {signedBy(t, same, "one", 0), signedBy(t, other, "two", 0)},
		"one block signed twice":    {signedBy(t, same, "one", 1), signedBy(t, same, "one", 2)},
		"a forged second block":     {proposalOf(t, at, 3, "one"), proposalOf(t, at, 3, "f")},
		"a forged first block":      {proposalOf(t, at, 3, "f"), proposalOf(t, at, 3, "two")},
		"a proposer that isn't one": {proposalOf(t, at, 3, "one"), signedBy(t, block.Header{Proposer: 99}, "two", 0)},
	} {
		s := testIssuing(t)
		for i, b := range both {
			s.receive(b, node(1+2*i), false)
		}
		if list := s.accusations(); len(list) != 0 {
			t.Errorf("%s: %v", what, list)
		}
	}
}

// Whoever is shown one of two blocks may see the other one when its place is taken already.
func TestABlockThatComesTooLateStillShowsThatThereAreTwo(t *testing.T) {
	s := testIssuing(t)
	one := proposalOf(t, testRoot, 3, "one")
	s.receive(one, node(1), false)
	winner := s.decide(t)
	forged, two := proposalOf(t, testRoot, 3, "f"), proposalOf(t, testRoot, 3, "two")
	s.after(muteTime)
	s.receive(forged, node(1), false)
	if out := s.took(); len(out) != 1 || out[0].(Report).Cost != costForged {
		t.Errorf("a forged one: %v", out)
	}
	s.receive(two, node(3), false)
	if list := s.accusations(); len(list) != 1 || list[0].First.ID() != one.ID() || list[0].Second.ID() != two.ID() {
		t.Errorf("%v", list)
	}
	if winner.ID() == one.ID() || !s.pool.isLost(two.ID()) {
		t.Error("it isn't known as lost")
	}
}

// A proposer signs as many blocks as it likes.
func TestFewHeadersOfAProposerAreKeptAndThoseOfTheLowestSlots(t *testing.T) {
	s := testIssuing(t)
	first := proposalOf(t, s.tip(), 1, "one")
	s.seen.add(first)
	for i := range uint64(10 * mostProposals) {
		s.seen.add(proposalOf(t, s.tip(), 2+i, "one"))
	}
	if kept := len(s.seen.of[2]); kept != mostProposals {
		t.Errorf("%d headers of one proposer", kept)
	}
	s.seen.add(proposalOf(t, s.tip(), 1, "two"))
	if list := s.accusations(); len(list) != 1 {
		t.Errorf("the first slot's header is forgotten: %v", list)
	}
	s.accepted.root.Height = first.Height + oldProposals + 1
	s.seen.add(proposalOf(t, s.accepted.root, 0, "one"))
	if kept := len(s.seen.of[2]); kept != 1 {
		t.Errorf("%d headers are kept of heights that are past", kept)
	}
}
