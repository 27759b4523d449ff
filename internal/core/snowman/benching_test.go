package snowman

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/finality"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/validators"
	"pgregory.net/rapid"
)

func (r *roster) miss(count, i int) {
	for range count {
		r.missed(node(i))
	}
}

func TestOfThoseWhoAreSilentAQuorumCanSpareTheLongestSilentIsBenched(t *testing.T) {
	r := testRoster(t, 4, 1, 2, 3)
	r.miss(1, 2)
	r.miss(9, 1)
	if r.miss(9, 2); r.peers[node(1)].benched() || !r.peers[node(2)].benched() {
		t.Error("the second was silent first, and isn't the one that is benched")
	}
	if r.answered(node(2)); !r.peers[node(1)].benched() || r.peers[node(2)].benched() {
		t.Error("the second speaks again, and the first isn't benched in its place")
	}
	if r.disconnect(node(3)); r.peers[node(1)].benched() {
		t.Error("three of four are left, and one of them is benched")
	}
	if r.connect(node(3)); !r.peers[node(1)].benched() {
		t.Error("all are back, and who is silent isn't benched")
	}
}

func TestWhoHasNoVoteCanAlwaysBeSpared(t *testing.T) {
	r := testRoster(t, 3, 1, 2, 200)
	r.miss(5, 1)
	if r.miss(2, 200); r.peers[node(1)].benched() || !r.peers[node(200)].benched() {
		t.Error("of three validators one is benched, or one that only watches isn't")
	}
}

// Whatever the stakes and whoever comes, goes, is silent or speaks: those who aren't benched make a quorum if all who
// are connected do. And nobody who is silent is spared without need.
func TestBenchingNeverTakesMoreThanAQuorumCanSpare(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var members []validators.Validator
		for i, stake := range rapid.SliceOfN(rapid.Uint64Range(1, 100), 1, 9).Draw(rt, "stakes") {
			members = append(members, validators.Validator{Node: node(i), Stake: stake})
		}
		set, err := validators.New(members)
		if err != nil {
			rt.Fatal(err)
		}
		r := newRoster(&Config{Validators: set, Self: node(0), Parameters: snowball.For(set.Units())}, 0)
		for range rapid.IntRange(1, 80).Draw(rt, "steps") {
			n := node(rapid.IntRange(0, len(members)).Draw(rt, "node"))
			what := []func(primitives.NodeID){
				func(n primitives.NodeID) { r.connect(n) }, func(n primitives.NodeID) { r.disconnect(n) },
				r.missed, r.missed, r.missed, r.answered, func(primitives.NodeID) { r.forgive() },
			}
			what[rapid.IntRange(0, len(what)-1).Draw(rt, "what")](n)
			r.checkBenched(rt)
		}
	})
}

func (r *roster) checkBenched(rt *rapid.T) {
	quorum, left, benched := finality.Quorum(r.set.TotalStake()), r.stake, 0
	for n, p := range r.peers {
		if p.benched() {
			benched++
			left -= r.set.Stake(n)
		}
		if p.benched() && p.misses < benchedAfter {
			rt.Fatalf("%s has missed %d in a row and is benched", n, p.misses)
		}
	}
	if benched > 0 && left < quorum && left < r.stake {
		rt.Fatalf("%d of %d connected are left, which is no quorum", left, r.stake)
	}
	for n, p := range r.peers {
		if !p.benched() && p.misses >= benchedAfter && left >= quorum+r.set.Stake(n) {
			rt.Fatalf("%s isn't benched, and could be spared: %d are left, a quorum is %d", n, left, quorum)
		}
	}
}
