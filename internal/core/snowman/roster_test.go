package snowman

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	"pgregory.net/rapid"
)

func TestTheNetworkIsWhereMoreThanAThirdOfAllStakeSaysItIs(t *testing.T) {
	r := testRoster(t, 5, 1, 2, 3, 4)
	for i, want := range []uint64{0, 11, 11} { // with the second of five one is honest; for the least that two say
		r.reported(node(i+1), primitives.Hash{9}, uint64(12-i))
		if r.network != want {
			t.Errorf("%d of 5 are at %d or above: the network is at %d", i+1, 12-i, r.network)
		}
	}
}

func TestOneThatClaimsTooMuchMovesNobody(t *testing.T) {
	r := testRoster(t, 5, 1, 2, 3, 4)
	r.reported(node(1), primitives.Hash{9}, 1<<60)
	if r.past(2, 1<<60); r.network == 0 {
		t.Error("two of five say so, which is more than a third, and the network is nowhere")
	}
	r = testRoster(t, 5, 1, 2, 3, 4)
	if r.past(1, 1<<60); r.network != 0 {
		t.Errorf("one of five says so, and the network is at %d", r.network)
	}
}

func TestNobodyGoesBack(t *testing.T) {
	r := testRoster(t, 3, 1, 2)
	r.reported(node(1), primitives.Hash{9}, 9)
	r.reported(node(1), primitives.Hash{3}, 3)
	if p := r.peers[node(1)]; p.height != 9 || p.accepted != (primitives.Hash{9}) {
		t.Errorf("it is at %d", p.height)
	}
}

func TestWhatFollowsFromThePeersIsAlwaysWhatCountingThemGives(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := testRoster(t, rapid.IntRange(1, 7).Draw(rt, "size"))
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			n, height := node(rapid.IntRange(0, 7).Draw(rt, "node")), rapid.Uint64Range(0, 9).Draw(rt, "height")
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0:
				r.connect(n)
			case 1:
				r.disconnect(n)
			case 2:
				r.reported(n, primitives.Hash{byte(height)}, height)
			case 3:
				r.past(rapid.IntRange(0, r.set.Len()-1).Draw(rt, "validator"), height)
			case 4:
				r.committed(max(height, r.height))
			}
			counted := *r
			counted.count()
			if r.stake != counted.stake || r.enough != counted.enough || r.network != counted.network {
				rt.Fatalf("stake %d enough %v network %d, counted anew %d %v %d",
					r.stake, r.enough, r.network, counted.stake, counted.enough, counted.network)
			}
		}
	})
}

func TestWhoMissesTwiceInARowIsBenchedUntilItAnswers(t *testing.T) {
	r := testRoster(t, 4, 1, 2, 3)
	for _, miss := range []bool{true, false, true, true} {
		if r.peers[node(1)].benched() {
			t.Fatal("it is benched too early")
		}
		if miss {
			r.missed(node(1))
		} else {
			r.answered(node(1))
		}
	}
	if !r.peers[node(1)].benched() {
		t.Error("it isn't benched after two misses in a row")
	}
	if r.forgive(); r.peers[node(1)].benched() {
		t.Error("it has no other chance")
	}
}

func TestOnlyValidatorsOtherThanThisNodeCountAsConnected(t *testing.T) {
	r := testRoster(t, 3, 0, 1, 200)
	if got := r.connected(nil); len(got) != 1 || got[0] != node(1) || len(r.peers) != 2 {
		t.Errorf("connected: %v of %d peers", got, len(r.peers))
	}
	if r.disconnect(node(2)) || !r.disconnect(node(200)) {
		t.Error("somebody left who wasn't there, or didn't leave")
	}
}
