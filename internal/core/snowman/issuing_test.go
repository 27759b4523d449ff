package snowman

import (
	"crypto/ed25519"
	"testing"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
)

// testIssuing takes every signature for good but that of a block with a body of one byte.
func testIssuing(t *testing.T) *issuing {
	f := testFetching(t, 1, 2, 3, 4)
	v := testVotes(t)
	s := &issuing{
		turn: f.turn, self: node(0), set: f.roster.set, outstanding: 4, tree: v.tree, pool: v.pool, accepted: v.accepted,
		fetching: f,
		building: &building{turn: f.turn, set: f.roster.set}, catchUp: &catchUp{turn: f.turn},
		signed: func(b *block.Block, _ ed25519.PublicKey) bool { return len(b.VMBlock()) != 1 },
	}
	return s
}

// next is a block that the first proposer in the order may put on another one.
func (s *issuing) next(t *testing.T, parent Anchor, size int) *block.Block {
	t.Helper()
	height := parent.Height + 1
	h := block.Header{
		Height: height, Parent: parent.ID, Time: proposer.Earliest(parent.Time, 0),
		Proposer: uint32(s.building.proposers(parent.ID, height)[0]),
	}
	b, err := block.New(testChain, h, block.Body(nil, make([]byte, size)), make([]byte, ed25519.SignatureSize))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (s *issuing) tip() Anchor {
	id, height := s.tree.Preference()
	return Anchor{ID: id, Height: height, Time: s.pool.get(id).block.Time}
}

// took are the actions since the last time.
func (s *issuing) took() []Action {
	out := s.out
	s.out = nil
	return out
}

func TestABlockIsVerifiedAfterItsParentIsIssued(t *testing.T) {
	s := testIssuing(t)
	parent := s.next(t, s.tip(), 10)
	b := s.next(t, anchorOf(parent), 11)
	s.receive(b, node(1), false)
	if get, ok := s.took()[0].(SendGet); !ok || get.ID != parent.ID() {
		t.Fatalf("the parent isn't asked for")
	}
	s.receive(parent, node(1), true)
	if !verifies(s.took(), parent) {
		t.Fatal("the parent isn't verified")
	}
	if s.verified(parent.ID()) == nil || !s.tree.Knows(parent.ID()) {
		t.Fatal("it isn't issued")
	}
	s.took()
	s.outstanding = 5
	if s.advanceAll(); !verifies(s.took(), b) {
		t.Error("the child isn't verified once there is room")
	}
}

func TestABlockThatLosesItsPlaceWhileItIsVerifiedIsRejected(t *testing.T) {
	s := testIssuing(t)
	b := s.next(t, s.tip(), 10)
	s.receive(b, node(1), false)
	s.pool.get(b.ID()).unwanted = true
	s.took()
	if s.verified(b.ID()) != nil || s.tree.Knows(b.ID()) {
		t.Error("it is issued")
	}
	if out := s.took(); len(out) != 1 || out[0].(Reject).Block != b {
		t.Errorf("the VM gets %v", out)
	}
}

func TestWhoSendsABlockThatCantBeValidPaysForIt(t *testing.T) {
	s := testIssuing(t)
	forged := s.next(t, s.tip(), 1)
	tooHigh := block.Header{Height: 9, Parent: s.tip().ID}
	wrong, err := block.New(testChain, tooHigh, block.Body(nil, []byte("ab")), make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string]*block.Block{"a forged one": forged, "one with a wrong height": wrong} {
		s.receive(b, node(1), false)
		out := s.took()
		if r, ok := out[0].(Report); !ok || r.Node != node(1) || r.Cost < costInvalid || s.pool.get(b.ID()) != nil {
			t.Errorf("%s: %v", what, out)
		}
	}
	s.receive(wrong, node(2), false)
	if out := s.took(); len(out) != 0 {
		t.Errorf("it is judged again: %v", out)
	}
}

func TestWhatIsDecidedDropsWhatCantBeIssuedAnyMore(t *testing.T) {
	s := testIssuing(t)
	lost := child(t, testRoot, 1, 10) // a sibling of the first block
	waits := child(t, anchorOf(lost), 0, 10)
	judged := &entry{block: child(t, testRoot, 2, 10), state: verifying}
	s.pool.add(&entry{block: lost})
	s.pool.add(&entry{block: waits})
	s.pool.add(judged)
	first := chainOf(t, 1, 10)[0]
	s.tree.Accept(first.ID())
	s.pool.forget(s.pool.get(first.ID()))
	s.accepted.push(first)
	s.clean()
	if s.pool.get(lost.ID()) != nil || s.pool.get(waits.ID()) != nil {
		t.Error("what lost is still waited for")
	}
	if !judged.unwanted {
		t.Error("what the VM is judging would be issued")
	}
}

func TestNothingIsIssuedWhileTheNodeCatchesUp(t *testing.T) {
	s := testIssuing(t)
	s.catchUp.stage = askingFrontier
	b := s.next(t, s.tip(), 10)
	s.receive(b, node(1), false)
	s.look(primitives.Hash{99}, node(1))
	if out := s.took(); len(out) != 0 {
		t.Errorf("it does %v", out)
	}
	s.catchUp.stage = following
	if s.advanceAll(); !verifies(s.took(), b) {
		t.Error("the block isn't looked at afterwards")
	}
}
