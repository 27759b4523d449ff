package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/snowman"
)

// testDriver is a driver with the core of the only validator, and the kinds of actions that were performed.
func testDriver(t *testing.T, begun bool) (a *alone, d *driver, performed *[]string) {
	a, performed = testAlone(t), new([]string)
	d = &driver{sub: a.sub, settled: func() {}, perform: func(a snowman.Action) {
		*performed = append(*performed, fmt.Sprintf("%T", a))
	}}
	if begun {
		set := partSet(t, 1)
		core, err := snowman.New(snowman.Config{
			Chain: partChain, Self: partNode(0), Validators: set, Parameters: snowball.For(set.Units()),
			Rand: rand.New(rand.NewPCG(1, 2)),
		}, snowman.Anchor{ID: primitives.Hash{7}}, a.sub.Now())
		if err != nil {
			t.Fatal(err)
		}
		d.start(core)
	}
	return a, d, performed
}

func TestInputsBeforeTheStartAndAfterTheStopAreDropped(t *testing.T) {
	a, d, performed := testDriver(t, false)
	a.do(func() { d.step(snowman.PendingTxs{}) })
	if _, ok := d.block(primitives.Hash{7}); ok || d.started() || len(*performed) > 0 {
		t.Errorf("without a core it does %v", *performed)
	}
	a, d, performed = testDriver(t, true)
	a.do(func() { d.step(snowman.CheckFrontier{}) }) // sets the timer
	a.do(d.stop)
	a.do(func() { d.step(snowman.PendingTxs{}) })
	if a.Advance(time.Minute); len(*performed) > 0 {
		t.Errorf("after its stop it does %v", *performed)
	}
}

func TestWhatFollowsFromAnInputIsPerformedAtOnceAndTheRestInTime(t *testing.T) {
	a, d, performed := testDriver(t, true)
	a.do(func() { d.step(snowman.PendingTxs{}) })
	if !slices.Equal(*performed, []string{"snowman.Build"}) {
		t.Fatalf("it does %v", *performed)
	}
	a.do(func() { d.step(snowman.NotBuilt{Why: snowman.TryAgain}) })
	if len(*performed) != 1 {
		t.Fatalf("it doesn't wait: %v", *performed)
	}
	if a.Advance(time.Second); !slices.Equal(*performed, []string{"snowman.Build", "snowman.Build"}) {
		t.Errorf("within a second it does %v", *performed)
	}
}
