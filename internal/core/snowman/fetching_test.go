package snowman

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
)

func testFetching(t *testing.T, connected ...int) *fetching {
	turn := testTurn()
	return &fetching{
		turn: turn, rand: testRand(), asking: newAsking(turn, primitives.Hash{1}, 0), roster: testRoster(t, 5, connected...),
		blocks: make(map[primitives.Hash]*fetch), byRequest: make(map[uint32]primitives.Hash),
	}
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

func TestWhatIsFetchedAtOnceIsBounded(t *testing.T) {
	f := testFetching(t, 1)
	for i := range 2 * maxFetches {
		f.want(primitives.Hash{9, byte(i), byte(i >> 8)}, node(1))
	}
	if len(f.blocks) != maxFetches {
		t.Errorf("%d blocks are asked for", len(f.blocks))
	}
}
