package snowman

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
)

func testFetching(t *testing.T, connected ...int) *fetching {
	turn := testTurn()
	return newFetching(turn, testRand(), newAsking(turn, primitives.Hash{1}, 0), testRoster(t, 5, connected...))
}

// asked is whom the last question of a turn went to, and its number.
func (f *fetching) asked(t *testing.T) (primitives.NodeID, uint32) {
	t.Helper()
	if len(f.out) != 1 {
		t.Fatalf("it asked %d times: %v", len(f.out), f.out)
	}
	get := f.out[0].(SendGet)
	f.out = nil
	return get.Node, get.RequestID
}

func TestABlockIsAskedForOnceHoweverManySpeakOfIt(t *testing.T) {
	f := testFetching(t, 1, 2, 3)
	for i := range 3 {
		f.want(primitives.Hash{9}, node(i+1))
	}
	if n, id := f.asked(t); n != node(1) || f.wanted(id) != (primitives.Hash{9}) {
		t.Errorf("%v was asked for %v", n, f.wanted(id))
	}
}

func TestABlockThatNobodyHasIsForgottenAfterAFewTries(t *testing.T) {
	f := testFetching(t, 1, 2, 3, 4)
	f.want(primitives.Hash{9}, node(1))
	for try := 1; ; try++ {
		n, id := f.asked(t)
		f.failed(n, id)
		if len(f.out) == 0 {
			if try != fetchRetries || len(f.blocks) != 0 || len(f.byRequest) != 0 {
				t.Errorf("after %d tries %d blocks and %d requests are left", try, len(f.blocks), len(f.byRequest))
			}
			return
		}
		if next := f.out[0].(SendGet).Node; next == n {
			t.Errorf("%v was asked again at once", n)
		}
	}
}

func TestWhenWhoSpokeOfItIsGoneAnotherOneIsAsked(t *testing.T) {
	f := testFetching(t, 2)
	f.want(primitives.Hash{9}, node(1))
	if n, _ := f.asked(t); n != node(2) {
		t.Errorf("%v was asked", n)
	}
	f = testFetching(t)
	if f.want(primitives.Hash{9}, node(1)); len(f.out) != 0 || len(f.blocks) != 0 {
		t.Error("there is nobody to ask, and it waits for an answer")
	}
}

// flood speaks of a lot of blocks.
func (f *fetching) flood(from primitives.NodeID) {
	for i := range 2 * maxFetches {
		f.want(primitives.Hash{from[0], byte(i), byte(i >> 8)}, from)
	}
}

func TestWhoSpeaksOfALotOfBlocksHasItsOwnPartOfThemFetched(t *testing.T) {
	f := testFetching(t, 1, 2)
	f.flood(node(1))
	if len(f.blocks) != maxFetches/6 {
		t.Errorf("one of five validators has %d blocks fetched", len(f.blocks))
	}
	f.out = nil
	f.want(primitives.Hash{99}, node(2))
	if len(f.out) != 1 {
		t.Error("another one has none fetched")
	}
}

func TestAllStrangersTogetherHaveOnePartOfTheFetches(t *testing.T) {
	f := testFetching(t, 1, 100, 101, 102)
	for i := range 3 {
		f.flood(node(100 + i))
	}
	if len(f.blocks) != maxFetches/6 {
		t.Errorf("strangers have %d blocks fetched", len(f.blocks))
	}
}

func TestAFetchThatEndsGivesItsPlaceBack(t *testing.T) {
	for what, end := range map[string]func(*fetching, primitives.NodeID, uint32){
		"with the block": func(f *fetching, _ primitives.NodeID, id uint32) { f.done(id) },
		"without": func(f *fetching, n primitives.NodeID, id uint32) {
			for range fetchRetries {
				f.out = nil
				f.failed(n, id)
				if len(f.out) > 0 {
					id = f.out[0].(SendGet).RequestID
				}
			}
		},
	} {
		f := testFetching(t, 1, 2)
		f.want(primitives.Hash{9}, node(1))
		n, id := f.asked(t)
		if end(f, n, id); len(f.uses) != 0 || len(f.blocks) != 0 || len(f.byRequest) != 0 {
			t.Errorf("%s: %v are used, %d blocks and %d requests are left", what, f.uses, len(f.blocks),
				len(f.byRequest))
		}
	}
}
