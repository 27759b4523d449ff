package snowman

import (
	"crypto/ed25519"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/validators"
)

// The fixtures of the tests of single parts: a validator set of equals, a clock, blocks that anybody may have signed.

var (
	testChain = block.Chain{NetworkID: 1, ID: primitives.Hash{1}}
	testRoot  = Anchor{ID: primitives.Hash{7}}
)

func node(i int) primitives.NodeID { return primitives.NodeID{byte(i + 1)} }

func testSet(t *testing.T, size int) *validators.Set {
	t.Helper()
	var members []validators.Validator
	for i := range size {
		members = append(members, validators.Validator{Node: node(i), Stake: 100})
	}
	set, err := validators.New(members)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func testTurn() *turn { return &turn{now: time.Unix(1_000_000, 0)} }

// after lets time go by and forgets what was to be done.
func (t *turn) after(d time.Duration) {
	t.now, t.out = t.now.Add(d), nil
}

func testRoster(t *testing.T, size int, connected ...int) *roster {
	t.Helper()
	set := testSet(t, size)
	r := newRoster(&Config{Validators: set, Self: node(0), Parameters: snowball.For(set.Units())}, 0)
	for _, i := range connected {
		r.connect(node(i))
	}
	return r
}

func testRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// child is a block on another one, told apart from its siblings by its slot.
func child(t *testing.T, parent Anchor, slot uint64, size int) *block.Block {
	t.Helper()
	h := block.Header{Height: parent.Height + 1, Parent: parent.ID, Slot: slot, Proposer: uint32(slot)}
	b, err := block.New(testChain, h, block.Body(nil, make([]byte, size)), make([]byte, ed25519.SignatureSize))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func anchorOf(b *block.Block) Anchor { return Anchor{ID: b.ID(), Height: b.Height, Time: b.Time} }

// chainOf is so many blocks in a row on the root, lowest first.
func chainOf(t *testing.T, length, size int) (blocks []*block.Block) {
	t.Helper()
	at := testRoot
	for range length {
		b := child(t, at, 0, size)
		blocks, at = append(blocks, b), anchorOf(b)
	}
	return blocks
}
