package tree

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"pgregory.net/rapid"
)

func id(s string) primitives.Hash { return primitives.HashOf([]byte(s)) }

// grow makes a tree for five validators from lines like "a<-b": b is a child of a. The root is "root".
func grow(t *testing.T, links ...[2]string) *Tree {
	t.Helper()
	tr, heights := New(snowball.For(5), id("root"), 0), map[string]uint64{"root": 0}
	for _, l := range links {
		heights[l[1]] = heights[l[0]] + 1
		if err := tr.Add(id(l[1]), id(l[0]), heights[l[1]], 0); err != nil {
			t.Fatal(err)
		}
	}
	return tr
}

func all(block string) []Vote { return []Vote{{Block: id(block), Units: 5}} }

func names(ids []primitives.Hash, of ...string) (out []string) {
	for _, h := range ids {
		for _, s := range of {
			if id(s) == h {
				out = append(out, s)
			}
		}
	}
	return out
}

func TestOnePollForTheTipMakesConfidentOfTheLowestBlock(t *testing.T) {
	tr := grow(t, [2]string{"root", "a"}, [2]string{"a", "b"}, [2]string{"b", "c"})
	if tr.Confident() || tr.Needed() != 1 {
		t.Fatal("confident before the first poll")
	}
	if !tr.Record(all("c")) || !tr.Confident() || tr.Needed() != 0 {
		t.Error("not confident after a poll in which all voted for a descendant")
	}
	if root := tr.root.id; root != id("root") || tr.Len() != 3 {
		t.Error("a poll has accepted something")
	}
}

func TestAcceptingABlockRejectsItsRivalsAndAllThatBuildsOnThem(t *testing.T) {
	tr := grow(t, [2]string{"root", "a"}, [2]string{"root", "x"}, [2]string{"x", "y"}, [2]string{"y", "z"},
		[2]string{"a", "b"})
	rejected, ok := tr.Accept(id("a"))
	if diff := cmp.Diff([]string{"x", "y", "z"}, names(rejected, "x", "y", "z", "a", "b")); diff != "" || !ok {
		t.Error(ok, diff)
	}
	if tip, _ := tr.Preference(); tip != id("b") || tr.Knows(id("x")) || !tr.Knows(id("b")) {
		t.Error("b should be all that is left")
	}
}

func TestAFailedPollResetsTheConfidence(t *testing.T) {
	tr := grow(t, [2]string{"root", "a"})
	tr.Record(all("a"))
	if tr.Record(nil) || tr.Confident() {
		t.Error("confidence survived a failed poll")
	}
}

func TestTheCandidatesAreTheChildrenOfTheLastAcceptedBlock(t *testing.T) {
	tr := grow(t, [2]string{"root", "a"}, [2]string{"root", "x"}, [2]string{"x", "y"})
	if diff := cmp.Diff([]string{"a", "x"}, names(tr.Candidates(), "a", "x", "y")); diff != "" {
		t.Error(diff)
	}
	tr.Accept(id("x"))
	if diff := cmp.Diff([]string{"y"}, names(tr.Candidates(), "a", "x", "y")); diff != "" {
		t.Error(diff)
	}
}

func TestThePreferenceFollowsAMajority(t *testing.T) {
	tr := grow(t, [2]string{"root", "a"}, [2]string{"root", "x"}, [2]string{"x", "y"})
	if tip, _ := tr.Preference(); tip != id("a") {
		t.Error("the first block isn't preferred")
	}
	tr.Record([]Vote{{Block: id("y"), Units: 3}, {Block: id("a"), Units: 2}})
	tip, height := tr.Preference()
	if tip != id("y") || height != 2 || !tr.IsPreferred(id("x")) || tr.IsPreferred(id("a")) {
		t.Error("three of five didn't move the preference to their tip")
	}
	if at, ok := tr.PreferredAt(1); !ok || at != id("x") {
		t.Error("at height 1 it isn't x")
	}
}

func TestAcceptingWhatTheNetworkDecided(t *testing.T) {
	tr := grow(t, [2]string{"root", "a"}, [2]string{"root", "x"}, [2]string{"x", "y"})
	if _, ok := tr.Accept(id("y")); ok {
		t.Error("a grandchild was accepted before its parent")
	}
	rejected, ok := tr.Accept(id("x"))
	if tip, _ := tr.Preference(); !ok || len(rejected) != 1 || rejected[0] != id("a") || tip != id("y") {
		t.Errorf("accepted %v, rejected %d", ok, len(rejected))
	}
}

func TestWrongBlocksAreRefused(t *testing.T) {
	tr := grow(t, [2]string{"root", "a"})
	for name, err := range map[string]error{
		"twice": tr.Add(id("a"), id("root"), 1, 0), "orphan": tr.Add(id("b"), id("nowhere"), 2, 0),
		"height": tr.Add(id("b"), id("a"), 3, 0),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Whatever is issued and voted: what is accepted is one chain in height order, and every block is decided at most once.
func TestAcceptedBlocksFormOneChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		tr, parents := New(snowball.For(5), id("0"), 0), map[primitives.Hash]primitives.Hash{}
		decided, last := map[primitives.Hash]bool{}, id("0")
		for step := range 200 {
			if rng.IntN(3) == 0 {
				parent := tr.root
				if len(tr.order) > 0 && rng.IntN(2) == 0 {
					parent = tr.order[rng.IntN(len(tr.order))]
				}
				b := id(fmt.Sprint("block ", step))
				parents[b] = parent.id
				if err := tr.Add(b, parent.id, parent.height+1, 0); err != nil {
					t.Fatal(err)
				}
				continue
			}
			tip, _ := tr.Preference()
			votes := []Vote{{Block: tip, Units: 3 + rng.IntN(3)}}
			if left := 5 - votes[0].Units; left > 0 && len(tr.order) > 0 {
				votes = append(votes, Vote{Block: tr.order[rng.IntN(len(tr.order))].id, Units: left})
			}
			if !tr.Record(votes) || rng.IntN(3) > 0 {
				continue
			}
			chosen, _ := tr.PreferredAt(tr.root.height + 1)
			rejected, ok := tr.Accept(chosen)
			if !ok || parents[chosen] != last {
				t.Fatal("accepted a block whose parent isn't the last accepted one")
			}
			last = chosen
			for _, b := range append(rejected, chosen) {
				if decided[b] {
					t.Fatal("decided twice")
				}
				decided[b] = true
			}
			if len(tr.order)+1 != len(tr.blocks) {
				t.Fatal("blocks leak")
			}
		}
	})
}

// BenchmarkRecord is a poll of twenty unanimous votes for the tip of a chain of 256 undecided blocks.
func BenchmarkRecord(b *testing.B) {
	for _, depth := range []int{1, 10, 64, 256} {
		b.Run(fmt.Sprint(depth), func(b *testing.B) {
			p := snowball.For(20)
			p.Beta = 1 << 30
			tr := New(p, primitives.Hash{}, 0)
			last := primitives.Hash{}
			for i := range uint64(depth) {
				var next primitives.Hash
				binary.BigEndian.PutUint64(next[:], i+1)
				if err := tr.Add(next, last, i+1, 0); err != nil {
					b.Fatal(err)
				}
				last = next
			}
			votes := make([]Vote, 20)
			for i := range votes {
				votes[i] = Vote{Block: last, Units: 1}
			}
			b.ReportAllocs()
			for b.Loop() {
				tr.Record(votes)
			}
		})
	}
}
