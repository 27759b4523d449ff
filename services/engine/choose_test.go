package engine

import (
	"math/rand/v2"
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	"pgregory.net/rapid"
)

// testPeers are four other validators of five, and three strangers.
func testPeers(t *testing.T) *peers {
	a := testAlone(t)
	p := &peers{
		self: partNode(0), set: partSet(t, 5), drops: &drops{sub: a.sub, count: map[string]int{}},
		connected: map[primitives.NodeID]bool{},
	}
	for _, i := range []int{0, 1, 2, 3, 4, 101, 102, 103} {
		p.add(partNode(i))
	}
	return p
}

func TestThisNodeIsNoPeerAndNobodyIsOneTwice(t *testing.T) {
	p := testPeers(t)
	if p.add(partNode(1)) || p.add(partNode(0)) || len(p.list()) != 7 {
		t.Errorf("%d peers", len(p.list()))
	}
	if !p.remove(partNode(1)) || p.remove(partNode(1)) {
		t.Error("it left twice, or not once")
	}
}

func TestAPeerWithoutANameIsCounted(t *testing.T) {
	p := testPeers(t)
	if _, ok := p.named([]byte{1}); ok || len(p.drops.count) != 1 {
		t.Errorf("dropped: %v", p.drops.count)
	}
}

func TestAsManyAreChosenAsAreWantedAndThereAndNobodyTwice(t *testing.T) {
	p := testPeers(t)
	rapid.Check(t, func(rt *rapid.T) {
		named, absent := partNode(rapid.IntRange(1, 4).Draw(rt, "named")), partNode(50)
		c := &enginev1.SendConfig{
			NodeIds:       [][]byte{named[:], named[:], absent[:]},
			Validators:    rapid.Uint32Range(0, 6).Draw(rt, "validators"),
			NonValidators: rapid.Uint32Range(0, 6).Draw(rt, "others"),
		}
		to := p.choose(c, rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1)))
		count := map[bool]int{}
		seen := map[primitives.NodeID]bool{}
		for _, n := range to {
			if seen[n] || !p.has(n) {
				rt.Fatalf("%v is chosen twice, or isn't there", n)
			}
			seen[n] = true
			count[p.connected[n]]++
		}
		validators, others := min(4, 1+int(c.GetValidators())), min(3, int(c.GetNonValidators()))
		if !seen[named] || count[true] != validators || count[false] != others {
			rt.Fatalf("%d validators and %d others are chosen: %v", count[true], count[false], c)
		}
	})
}
