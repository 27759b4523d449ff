package driver

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

func drawSnapshot(t *rapid.T, name string) *overseerv1.Snapshot {
	s := &overseerv1.Snapshot{Sequence: rapid.Uint64Range(1, 99).Draw(t, name+" sequence")}
	for _, chain := range []string{"", "kv"} {
		c := &overseerv1.ChainSnapshot{Chain: chain}
		for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 0, 4, rapid.ID).Draw(t, name+" leaves") {
			c.Leaves = append(c.Leaves, &overseerv1.StartWork{Hash: fmt.Append(nil, n)})
		}
		if n := rapid.IntRange(0, 3).Draw(t, name+" final"); n > 0 {
			c.Finalized = &overseerv1.BlockFinalized{Hash: fmt.Append(nil, n), Number: uint64(n)}
		}
		s.Chains = append(s.Chains, c)
	}
	return s
}

// same tells whether two snapshots know the same leaves of each chain, in any order, and the same finality.
func same(a, b *overseerv1.Snapshot) bool {
	for n, chain := range a.Chains {
		other := b.Chains[n]
		if len(chain.Leaves) != len(other.Leaves) || !proto.Equal(chain.Finalized, other.Finalized) {
			return false
		}
		for _, leaf := range chain.Leaves {
			if !hasLeaf(other.Leaves, leaf.Hash) {
				return false
			}
		}
	}
	return true
}

// Whatever a program has been told, the signals that lead to a snapshot lead there.
func TestTheSignalsUntilASnapshotLeadToIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var known timeline
		for _, name := range []string{"first", "second", "third"} {
			s := drawSnapshot(t, name)
			if name != "first" && rapid.Bool().Draw(t, "nothing is final that was not") {
				for n, c := range s.Chains { // finality never goes away
					c.Finalized = known.chains[n].Finalized
				}
			}
			for n, c := range s.Chains {
				if c.Finalized == nil && len(known.chains) > n {
					c.Finalized = known.chains[n].Finalized
				}
			}
			for _, sig := range known.until(s) {
				if sig.Sequence != s.Sequence {
					t.Fatalf("%v is not at %d", sig, s.Sequence)
				}
				known.apply(sig)
			}
			if !same(s, known.snapshot()) {
				t.Fatalf("told %v, want %v", known.snapshot(), s)
			}
			if len(known.until(s)) != 0 {
				t.Fatal("told twice")
			}
		}
	})
}

func TestASignalOfOneChainChangesNoOther(t *testing.T) {
	var known timeline
	start := func(chain, hash string) *overseerv1.Signal {
		return &overseerv1.Signal{Chain: chain,
			Kind: &overseerv1.Signal_StartWork{StartWork: &overseerv1.StartWork{Hash: []byte(hash)}}}
	}
	known.apply(start("a", "x"))
	known.apply(start("b", "x"))
	known.apply(&overseerv1.Signal{Chain: "a",
		Kind: &overseerv1.Signal_StopWork{StopWork: &overseerv1.StopWork{Hash: []byte("x")}}})
	if len(known.chain("a").Leaves) != 0 || len(known.chain("b").Leaves) != 1 {
		t.Errorf("%v", known.snapshot())
	}
}
