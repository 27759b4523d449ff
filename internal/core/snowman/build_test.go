package snowman

import (
	"crypto/ed25519"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/validators"
)

// overtaking has the validator of slot mine build the first block of three, hands it one of slot theirs meanwhile, and tells whether
// it wants its own block verified all the same.
func overtaking(t *testing.T, mine, theirs int) bool {
	t.Helper()
	set, err := validators.New([]validators.Validator{{Node: primitives.NodeID{1}, Stake: 1}, {Node: primitives.NodeID{2}, Stake: 1}, {Node: primitives.NodeID{3}, Stake: 1}})
	if err != nil {
		t.Fatal(err)
	}
	root, now := Anchor{ID: primitives.Hash{7}}, time.Unix(1_000_000, 0)
	order := proposer.Order(set, root.ID, 1)
	chain := block.Chain{NetworkID: 1}
	core, err := New(Config{
		Chain: chain, Self: set.At(order[mine]).Node, Validators: set, Parameters: snowball.For(set.Units()), Rand: rand.New(rand.NewPCG(1, 2)),
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
