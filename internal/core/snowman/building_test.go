package snowman

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/snowball"
)

// overtaking has the validator of slot mine build the first block of three, hands it one of slot theirs meanwhile, and
// tells whether it wants its own block verified all the same.
func overtaking(t *testing.T, mine, theirs int) bool {
	t.Helper()
	set := testSet(t, 3)
	root, now := Anchor{ID: primitives.Hash{7}}, time.Unix(1_000_000, 0)
	chain := block.Chain{NetworkID: 1}
	order := proposer.Order(set, chain, 1)
	core, err := New(Config{
		Chain: chain, Self: set.At(order[mine]).Node, Validators: set, Parameters: snowball.For(set.Units()),
		Rand:            testRand(),
		VerifySignature: func(*block.Block, ed25519.PublicKey) bool { return true },
	}, root, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range order {
		if i != order[mine] {
			core.Step(now, PeerConnected{Node: set.At(i).Node})
		}
	}
	own := header(core.Step(now, PendingTxs{}))
	for step := 0; own == nil && step < 100; step++ {
		now = core.Next()
		own = header(core.Tick(now))
	}
	if own == nil || own.Slot != uint64(mine) {
		t.Fatalf("the validator of slot %d builds %v", mine, own)
	}
	rival := *own
	rival.Slot, rival.Proposer = uint64(theirs), uint32(order[theirs])
	rival.Time = max(own.Time, proposer.Earliest(root.Time, rival.Slot))
	b := newBlock(t, chain, rival)
	if !verifies(core.Step(now, PushQuery{Node: set.At(order[theirs]).Node, RequestID: 1, Container: b.Bytes()}), b) {
		t.Fatal("the other block isn't looked at")
	}
	built := newBlock(t, chain, *own)
	return verifies(core.Step(now, Built{Block: built}), built)
}

func header(actions []Action) *block.Header {
	for _, a := range actions {
		if b, ok := a.(Build); ok {
			return &b.Header
		}
	}
	return nil
}

func newBlock(t *testing.T, chain block.Chain, h block.Header) *block.Block {
	t.Helper()
	b, err := block.New(chain, h, block.Body(nil, []byte{byte(h.Slot)}), make([]byte, ed25519.SignatureSize))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func verifies(actions []Action, b *block.Block) bool {
	for _, a := range actions {
		if v, ok := a.(Verify); ok && v.Block.ID() == b.ID() {
			return true
		}
	}
	return false
}

func TestWhoIsOvertakenWhileBuildingKeepsItsBlockToItself(t *testing.T) {
	if overtaking(t, 1, 0) {
		t.Error("the first one's block is there, and the second one issues its own")
	}
	if !overtaking(t, 0, 1) {
		t.Error("the first one gives way to the second, which may have claimed a time that hasn't come")
	}
}

// testBuilding is a validator of five, all connected, whose VM has something for a block.
func testBuilding(t *testing.T) *building {
	v, r, turn := testVotes(t), testRoster(t, 5, 1, 2, 3, 4), testTurn()
	b := &building{
		turn: turn, set: r.set, params: r.params, tree: v.tree, pool: v.pool, accepted: v.accepted, roster: r,
		tipSince: turn.now,
	}
	b.params.OptimalProcessing, b.certain = 10, func(primitives.Hash) bool { return false }
	_, height := v.tree.Preference()
	b.tipChanged(height)
	b.pendingTxs()
	return b
}

// slot waits for this node's turn, and is the slot that it builds for.
func (b *building) slot(t *testing.T) uint64 {
	t.Helper()
	for range 100 {
		b.propose()
		if len(b.out) > 0 {
			h := b.out[0].(Build).Header
			b.out = nil
			return h.Slot
		}
		at, waits := b.next()
		if !waits {
			t.Fatal("it waits for nothing and builds nothing")
		}
		b.after(at.Sub(b.now))
	}
	t.Fatal("its turn never comes")
	return 0
}

func TestASlotIsUsedOnce(t *testing.T) {
	b := testBuilding(t)
	first := b.slot(t)
	b.notBuilt(SlotTaken)
	if second := b.slot(t); second != first+uint64(b.set.Len()) {
		t.Errorf("after slot %d it builds for slot %d", first, second)
	}
}

// A node that has just started doesn't know what it has signed at the height of its last accepted block.
func TestASlotThatAnEarlierLifeHasUsedIsPassed(t *testing.T) {
	b := testBuilding(t)
	b.height, b.cycle = 0, 0 // nothing has changed the tip in this life
	first := b.slot(t)
	b.notBuilt(SlotTaken)
	if second := b.slot(t); second != first+uint64(b.set.Len()) {
		t.Errorf("after slot %d, which is taken, it builds for slot %d", first, second)
	}
}

func TestOneBlockIsBuiltAtATimeAndNoneForNothing(t *testing.T) {
	b := testBuilding(t)
	b.slot(t)
	if b.pendingTxs(); b.may() {
		t.Error("it builds a second block meanwhile")
	}
	b.notBuilt(TryAgain)
	if b.slot(t); b.pending {
		t.Error("what is in the block is still waited for")
	}
	b.notBuilt(NothingToBuild)
	if b.propose(); len(b.out) > 0 || b.waiting {
		t.Error("it builds although the VM has nothing")
	}
}

func TestOnABlockThatAQuorumHasPreparedTheNextOneIsBuilt(t *testing.T) {
	b := testBuilding(t)
	tip, _ := b.tree.Preference()
	prepared := primitives.Hash{}
	b.certain = func(id primitives.Hash) bool { return id == prepared }
	b.params.OptimalProcessing = b.tree.Len()
	if b.may() {
		t.Error("it builds on a block that may yet be rejected")
	}
	if prepared = tip; !b.may() {
		t.Error("it waits until the block is decided")
	}
	if b.params.OptimalProcessing--; b.may() {
		t.Error("blocks queue up")
	}
}

func TestAVMThatCallsForNothingIsAskedEverMoreSeldom(t *testing.T) {
	b := testBuilding(t)
	began, asked := b.now, 0
	for b.now.Sub(began) < 10*time.Second {
		b.notBuilt(NothingToBuild) // and at once the VM says again that there is something
		if asked++; asked <= freeEmpties && b.notBefore.After(b.now) {
			t.Errorf("after question %d there is a pause of %v", asked, b.notBefore.Sub(b.now))
		}
		b.now = later(b.now.Add(time.Millisecond), b.notBefore)
	}
	if asked > 100 {
		t.Errorf("it was asked %d times within 10 s", asked)
	}
	b.tipChanged(1)
	if b.empties != 0 {
		t.Error("it is held against the VM when the tip has changed")
	}
	b.empty()
	b.now = b.now.Add(2 * emptyLasts)
	if b.empty(); b.empties != 1 {
		t.Error("it is held against the VM for ever")
	}
}

func TestNobodyBuildsBesideABlockThatIsAboutToBeIssued(t *testing.T) {
	b := testBuilding(t)
	tip, height := b.tree.Preference()
	e := &entry{block: child(t, Anchor{ID: tip, Height: height}, 1, 10), state: verifying}
	b.pool.add(e)
	if b.may() {
		t.Error("it builds although a block on the same tip is being verified")
	}
	if e.unwanted = true; !b.may() {
		t.Error("a block that has lost its place keeps it from building")
	}
}

// A VM that builds what it then finds invalid is given time to come to its senses, without anybody's asking.
func TestWhatTheVMRefusesOfItsOwnIsBuiltAgainEverMoreSeldom(t *testing.T) {
	set, now := testSet(t, 1), time.Unix(1_000_000, 0)
	chain := block.Chain{NetworkID: 1}
	core, err := New(Config{
		Chain: chain, Self: set.At(0).Node, Validators: set, Parameters: snowball.For(set.Units()), Rand: testRand(),
		VerifySignature: func(*block.Block, ed25519.PublicKey) bool { return true },
	}, Anchor{ID: primitives.Hash{7}}, now)
	if err != nil {
		t.Fatal(err)
	}
	own, last := header(core.Step(now, PendingTxs{})), time.Duration(0)
	for i := range 12 {
		b := newBlock(t, chain, *own)
		if !verifies(core.Step(now, Built{Block: b}), b) {
			t.Fatal("the block isn't shown to the VM")
		}
		core.Step(now, Invalid{ID: b.ID(), Reason: "a bad root"})
		if header(core.Step(now, PendingTxs{})) != nil {
			t.Fatal("the next one is built at once")
		}
		if refusing := core.Status().Refusing; (refusing == "a bad root") != (i >= 2) {
			t.Errorf("after %d blocks it says %q", i+1, refusing)
		}
		refused := now
		for own = nil; own == nil; own = header(core.Tick(now)) {
			now = core.Next()
		}
		if pause := now.Sub(refused); pause < last || pause < leastRefused || pause > mostRefused {
			t.Errorf("after a pause of %v comes one of %v", last, pause)
		}
		last = now.Sub(refused)
	}
	b := newBlock(t, chain, *own)
	core.Step(now, Built{Block: b})
	if core.Step(now, Verified{ID: b.ID()}); core.Status().Refusing != "" {
		t.Error("it agrees with itself at last, and is said not to")
	}
}

// Whoever proposes a block may fill it as he likes, and try out as many as he likes: the next proposer is the same.
func TestAProposerDoesNotChooseWhoComesNext(t *testing.T) {
	set, chain, now := testSet(t, 3), block.Chain{NetworkID: 1}, time.Unix(1_000_000, 0)
	next := proposer.Order(set, chain, 8)[0]
	for content := range byte(20) {
		core, err := New(Config{
			Chain: chain, Self: set.At(next).Node, Validators: set, Parameters: snowball.For(set.Units()),
			Rand: testRand(), VerifySignature: func(*block.Block, ed25519.PublicKey) bool { return true },
		}, Anchor{ID: primitives.Hash{content}, Height: 7}, now)
		if err != nil {
			t.Fatal(err)
		}
		for i := range set.Len() {
			if i != next {
				core.Step(now, PeerConnected{Node: set.At(i).Node})
			}
		}
		if h := header(core.Step(now, PendingTxs{})); h == nil || h.Slot != 0 {
			t.Errorf("after block %d another one is the first: %+v", content, h)
		}
	}
}
