package snowman

import (
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/proposer"
	"github.com/reevenet/reeve/internal/core/snowball"
)

// alone is the only validator of a chain, whose last block is ahead of its clock.
func alone(t *testing.T, ahead time.Duration) (c *Core, now time.Time) {
	t.Helper()
	set, now := testSet(t, 1), time.Unix(1_000_000, 0)
	last := testRoot
	last.Height, last.Time = 5, uint64(now.Add(ahead).UnixMilli())
	c, err := New(Config{
		Chain: testChain, Self: node(0), Validators: set, Parameters: snowball.For(1), Rand: testRand(),
		VerifySignature: func(*block.Block, ed25519.PublicKey) bool { return true },
	}, last, now)
	if err != nil {
		t.Fatal(err)
	}
	return c, now
}

// goOn lets time go by until a core does something of a kind, and returns what and when.
func goOn[A Action](t *testing.T, c *Core, now time.Time, out []Action) (A, time.Time) {
	t.Helper()
	for range 100_000 {
		for _, a := range out {
			if found, ok := a.(A); ok {
				return found, now
			}
		}
		now = c.Next()
		out = c.Tick(now)
	}
	t.Fatalf("until %v there is no %T", now, *new(A))
	return *new(A), now
}

func TestAClockThatWentBackDelaysTheNextBlockAndLosesNothing(t *testing.T) {
	const ahead = time.Hour
	c, begin := alone(t, ahead)
	build, now := goOn[Build](t, c, begin, c.Step(begin, PendingTxs{}))
	if waited := now.Sub(begin); waited != ahead-proposer.MaxSkew {
		t.Errorf("it builds after %v", waited)
	}
	own := newBlock(t, testChain, build.Header)
	if got, at := goOn[Verify](t, c, now, c.Step(now, Built{Block: own})); got.Block != own || at != now {
		t.Errorf("its block goes to the VM after %v", at.Sub(now))
	}
}

// The clock goes back between the building of a block and its signature.
func TestABlockOfThisNodeThatIsTooEarlyWaitsAndNoOtherIsBuiltMeanwhile(t *testing.T) {
	c, begin := alone(t, 0)
	build, now := goOn[Build](t, c, begin, c.Step(begin, PendingTxs{}))
	own := newBlock(t, testChain, build.Header)
	now = now.Add(-time.Hour)
	out := append(c.Step(now, Built{Block: own}), c.Step(now, PendingTxs{})...)
	if h := header(out); h != nil || verifies(out, own) {
		t.Fatalf("the block goes to the VM %v; another is built: %v", verifies(out, own), h)
	}
	got, at := goOn[Verify](t, c, now, nil)
	if waited := at.Sub(now); got.Block != own || waited != time.Hour-proposer.MaxSkew {
		t.Errorf("a block at height %d goes to the VM after %v", got.Block.Height, waited)
	}
}

// What was to be in it must be in the next one.
func TestABlockOfThisNodeThatWaitsAndLosesIsBuiltAgain(t *testing.T) {
	s := testIssuing(t)
	s.building = testBuilding(t)
	s.building.pending = false
	own := child(t, testRoot, 1, 10)
	s.pool.add(&entry{block: own, from: s.self, due: s.now.Add(time.Hour)})
	if s.decide(t); s.pool.get(own.ID()) != nil || !s.building.pending {
		t.Errorf("it waits still %v; there is something to build: %v", s.pool.get(own.ID()) != nil, s.building.pending)
	}
}

func TestABlockThatIsTooEarlyKeepsNobodyFromProposing(t *testing.T) {
	b := testBuilding(t)
	slot := b.slot(t)
	tip, height := b.tree.Preference()
	own := child(t, Anchor{ID: tip, Height: height}, slot+1, 10)
	early := child(t, Anchor{ID: tip, Height: height}, slot, 10)
	b.pool.add(&entry{block: early, from: node(1), due: b.now.Add(time.Hour)})
	if !b.built(own) {
		t.Error("this node's block gives way to one that may not be looked at yet")
	}
}

// The case of the reports: the clock was wrong by an hour and was put right. What waits is in a block when the hour has
// passed, nobody has to say again that it waits, and meanwhile the chain is said to stand still.
func TestWhatWaitsWhileTheClockIsBehindTheChainIsSaidAndNotForgotten(t *testing.T) {
	c, begin := alone(t, time.Hour)
	out := c.Step(begin, PendingTxs{})
	if d := c.StandsStillFor(begin.Add(time.Minute)); d != time.Minute {
		t.Errorf("it is said to stand still for %v", d)
	}
	build, now := goOn[Build](t, c, begin, out)
	verify, now := goOn[Verify](t, c, now, c.Step(now, Built{Block: newBlock(t, testChain, build.Header)}))
	if waited := now.Sub(begin); waited > time.Hour {
		t.Errorf("it is proposed after %v", waited)
	}
	c.Step(now, Verified{ID: verify.Block.ID()})
	if d := c.StandsStillFor(now.Add(time.Minute)); d != 0 {
		t.Errorf("nothing waits, and it is said to stand still for %v", d)
	}
}

func TestAClockThatWentBackIsSeen(t *testing.T) {
	c, now := alone(t, time.Hour)
	if c.Tick(now); c.Status().Ahead != time.Hour {
		t.Errorf("the chain is said to be %v ahead", c.Status().Ahead)
	}
	if c.Tick(now.Add(2 * time.Hour)); c.Status().Ahead != 0 {
		t.Errorf("later it is said to be %v ahead", c.Status().Ahead)
	}
}
