package snowman

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/snowman/history"
)

// testIssuing takes every signature for good but that of a block with a body of one byte.
func testIssuing(t *testing.T) *issuing {
	f := testFetching(t, 1, 2, 3, 4)
	v := testVotes(t)
	s := &issuing{
		turn: f.turn, self: node(0), set: f.roster.set, places: places{all: 4, own: 16}, tree: v.tree,
		pool: v.pool, accepted: v.accepted, fetching: f,
		building: &building{turn: f.turn, set: f.roster.set}, catchUp: &catchUp{turn: f.turn},
		mutes: newMutes(f.turn, f.roster.set),
		seen:  newProposals(f.turn, testChain, v.accepted), history: history.New(5),
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
		Proposer: uint32(s.building.proposers(height)[0]),
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
	s.receive(b, node(1), true)
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
	s.places.all = 5
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
		s.after(muteTime)
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

// Checking a signature costs more than making one up.
func TestWhoSendsForgedBlocksIsHeardOnceInAWhile(t *testing.T) {
	s, checked := testIssuing(t), 0
	s.signed = func(*block.Block, ed25519.PublicKey) bool { checked++; return false }
	flood := func(from int) {
		for i := range 100 {
			s.receive(s.next(t, s.tip(), 10+i), node(from), false)
		}
	}
	if flood(1); checked != 1 {
		t.Errorf("of a hundred forged blocks %d are checked", checked)
	}
	if flood(2); checked != 2 {
		t.Error("another peer isn't heard because of that")
	}
	s.after(muteTime)
	if flood(1); checked != 3 {
		t.Errorf("a while later it is heard %d times", checked-2)
	}
}

// A validator signs as many blocks as it likes.
func TestASignatureIsCheckedOnlyWhenThereIsRoomForTheBlock(t *testing.T) {
	s, checked := testIssuing(t), 0
	s.signed = func(*block.Block, ed25519.PublicKey) bool { checked++; return true }
	for i := range maxUndecided {
		s.receive(orphan(t, 5, i, 10), node(1), true)
	}
	if kept := s.pool.use(1).blocks; checked != kept || kept > maxUndecided/6 {
		t.Errorf("%d signatures are checked for %d blocks that are kept", checked, kept)
	}
}

func TestWhatIsDecidedDropsWhatCantBeIssuedAnyMore(t *testing.T) {
	s := testIssuing(t)
	lost := child(t, testRoot, 1, 10) // a sibling of the first block
	waits := child(t, anchorOf(lost), 0, 10)
	judged := &entry{block: child(t, testRoot, 2, 10), account: 2, state: verifying}
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
	if s.look(lost.ID(), node(1)); len(s.took()) != 0 {
		t.Error("a block that lost is fetched again")
	}
}

func (s *issuing) decide(t *testing.T) *block.Block {
	first := chainOf(t, 1, 10)[0]
	s.tree.Accept(first.ID())
	s.pool.forget(s.pool.get(first.ID()))
	s.accepted.push(first)
	s.clean()
	return first
}

func TestAChildOfABlockThatLostIsDroppedWithoutAFetch(t *testing.T) {
	s := testIssuing(t)
	rejected := child(t, testRoot, 1, 10)
	s.pool.add(&entry{block: rejected, account: 1})
	s.decide(t)
	known := child(t, anchorOf(rejected), 0, 10)
	again := child(t, anchorOf(known), 0, 10)
	beside := child(t, Anchor{ID: primitives.Hash{99}, Height: 1}, 0, 10) // at a height where nothing else can follow
	// on a block that is below the last accepted one
	below := child(t, Anchor{ID: testRoot.ID, Height: 5}, 0, 10)
	for what, b := range []*block.Block{known, again, beside, below} {
		for range 2 {
			s.receive(b, node(1), false)
			s.look(b.ID(), node(2))
		}
		if out := s.took(); len(out) != 0 || s.pool.get(b.ID()) != nil || !s.pool.isLost(b.ID()) {
			t.Errorf("block %d: %v", what, out)
		}
	}
}

// A block that was fetched and turns out to have lost takes with it what waited for it.
func TestWhatWaitedForABlockThatLostLongAgoIsDropped(t *testing.T) {
	s := testIssuing(t)
	old := child(t, testRoot, 1, 10)
	waits := child(t, anchorOf(old), 0, 10)
	s.pool.add(&entry{block: waits, account: 1})
	s.decide(t)
	s.pool.add(&entry{block: waits, account: 1}) // as if its height had been far above
	s.took()
	s.take(old, node(1), 1)
	if s.pool.get(waits.ID()) != nil || !s.pool.isLost(waits.ID()) {
		t.Error("it still waits")
	}
}

func TestABlockThatIsTooEarlyIsLookedAtWhenItsTimeComes(t *testing.T) {
	for what, from := range map[string]int{"another one's": 1, "this node's own": 0} {
		s := testIssuing(t)
		ahead := time.Hour
		parent := s.tip()
		parent.Time = uint64(s.now.Add(ahead).UnixMilli())
		b := s.next(t, parent, 10)
		if s.receive(b, node(from), from == 0); s.pool.get(b.ID()) == nil || len(s.took()) != 0 {
			t.Fatalf("%s: it isn't kept", what)
		}
		if s.look(b.ID(), node(2)); len(s.took()) != 0 {
			t.Fatalf("%s: it is fetched again", what)
		}
		at, waits := s.future.next()
		if early := at.Sub(s.now); !waits || early != ahead-proposer.MaxSkew {
			t.Fatalf("%s: it waits %v for %v", what, waits, early)
		}
		s.after(at.Sub(s.now) - time.Millisecond)
		if s.open(); verifies(s.took(), b) {
			t.Errorf("%s: it is looked at too early", what)
		}
		s.after(time.Millisecond)
		if s.open(); !verifies(s.took(), b) {
			t.Errorf("%s: its time has come, and nobody looks", what)
		}
		if _, waits := s.future.next(); waits {
			t.Errorf("%s: something is waited for still", what)
		}
	}
}

func TestABlockFarAboveTheLastAcceptedOneIsNotKept(t *testing.T) {
	s := testIssuing(t)
	s.receive(orphan(t, maxAhead+1, 0, 10), node(1), true)
	if out := s.took(); s.pool.use(1).blocks != 0 || len(out) != 0 {
		t.Errorf("%d are kept: %v", s.pool.use(1).blocks, out)
	}
	if s.receive(orphan(t, maxAhead, 0, 10), node(1), true); s.pool.use(1).blocks != 1 {
		t.Error("one that isn't too far above isn't kept")
	}
}

func TestBlocksFromTheFutureTakeTheirAccountsRoomOnly(t *testing.T) {
	s := testIssuing(t)
	parent := s.tip()
	parent.Time = 1 << 63
	for i := range maxUndecided {
		s.receive(s.next(t, parent, 10+i), node(1), true)
	}
	if kept := s.pool.use(1).blocks; kept != maxUndecided/6 {
		t.Errorf("%d blocks of one of five validators are kept", kept)
	}
	if at, waits := s.future.next(); !waits || at.Before(s.now) {
		t.Errorf("they are waited for until %v", at)
	}
}

// flood has blocks on the tip come from one validator, all of them valid, and returns those that went to the VM.
func (s *issuing) flood(t *testing.T, from, count int) (verified []*block.Block) {
	t.Helper()
	for i := range count {
		b := s.next(t, s.tip(), 1000*from+10+i)
		s.receive(b, node(from), true)
		for _, a := range s.took() {
			if v, ok := a.(Verify); ok {
				verified = append(verified, v.Block)
			}
		}
	}
	return verified
}

func TestAFloodOfBlocksTakesAFewPlacesAtTheVM(t *testing.T) {
	s := testIssuing(t)
	s.places = newPlaces(256, 5)
	first := s.flood(t, 1, 50)
	if len(first) != maxVerifying {
		t.Fatalf("%d blocks of one account are at the VM", len(first))
	}
	if others := s.flood(t, 2, 1); len(others) != 1 {
		t.Error("another one's doesn't go there")
	}
	for what, judge := range map[string]func(*block.Block){
		"that is valid":       func(b *block.Block) { s.verified(b.ID()); s.advanceAll() },
		"that is invalid":     func(b *block.Block) { s.invalid(b.ID(), "bad") },
		"that lost its place": func(b *block.Block) { s.pool.get(b.ID()).unwanted = true; s.verified(b.ID()) },
	} {
		if judge(first[0]); s.pool.use(1).verifying != maxVerifying {
			t.Errorf("after one %s %d are there", what, s.pool.use(1).verifying)
		}
		first = first[1:]
	}
}

func TestAFloodOfValidBlocksKeepsNobodyElsesFromBeingIssued(t *testing.T) {
	s := testIssuing(t)
	s.places = newPlaces(60, 2)
	issue := func(from int) {
		for again := true; again; {
			s.advanceAll()
			again = false
			for _, e := range s.pool.sorted() {
				if e.account == account(from) && e.state == verifying {
					s.verified(e.block.ID())
					again = true
				}
			}
		}
	}
	for _, from := range []int{1, 2, 3} { // three parts of a third make the tree full
		s.flood(t, from, 50)
		issue(from)
		if got := s.pool.use(account(from)).issued; got != 20 && from < 3 || got > 20 {
			t.Errorf("%d blocks of validator %d are issued", got, from)
		}
	}
	if s.tree.Len() != 60 {
		t.Fatalf("%d blocks are issued", s.tree.Len())
	}
	s.took()
	if got := s.flood(t, 4, 1); len(got) != 1 {
		t.Error("a validator that has no block in the tree can't have one issued")
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
