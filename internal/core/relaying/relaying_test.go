package relaying

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// named are the names of as many things or peers.
func named[T any](n int, name func(uint64) T) (list []T) {
	for i := range uint64(n) {
		list = append(list, name(i))
	}
	return list
}

func thing(n uint64) primitives.Hash {
	return primitives.HashOf(binary.BigEndian.AppendUint64([]byte("thing"), n))
}

func peer(n uint64) primitives.NodeID {
	return primitives.NodeID(primitives.HashOf(binary.BigEndian.AppendUint64([]byte("peer"), n)))
}

func TestAmongFewPeersAllAreChosen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, of := Choice(rapid.Uint64().Draw(t, "seed")), rapid.IntRange(1, Few).Draw(t, "of")
		place := c.Of(peer(rapid.Uint64().Draw(t, "peer")))
		if !About(thing(rapid.Uint64().Draw(t, "thing")), of).Chosen(place) {
			t.Fatal("one of few isn't chosen")
		}
	})
}

// Each thing goes to about Width of many peers, and each peer is chosen about as often as any other.
func TestOfManyAFewAreChosenAndAllAlike(t *testing.T) {
	const peers, things = 500, 2000
	c, all, most, what := Choice(7), 0, 0, named(things, thing)
	for _, p := range named(peers, peer) {
		of := 0
		for _, about := range what {
			if About(about, peers).Chosen(c.Of(p)) {
				of++
			}
		}
		all, most = all+of, max(most, of)
	}
	if mean := float64(all) / things; mean < 0.9*Width || mean > 1.1*Width {
		t.Errorf("a thing goes to %.2f peers", mean)
	}
	if most > 4*all/peers {
		t.Errorf("one peer is chosen %d times, and all %d times", most, all)
	}
}

// Half of the nodes are connected with the author, and each only with half of the others. Nearly all hear of a thing.
func TestWhoIsNotConnectedWithTheAuthorHearsOfItAllTheSame(t *testing.T) {
	const nodes = 400
	chance := rand.New(rand.NewPCG(1, 2))
	var linked [nodes][nodes]bool
	for a := range nodes {
		for b := range a {
			linked[a][b] = chance.IntN(2) == 0
			linked[b][a] = linked[a][b]
		}
	}
	missed, who := 0, named(nodes, peer)
	for _, about := range named(50, thing) {
		heard, hearing := [nodes]bool{0: true}, []int{0}
		for len(hearing) > 0 {
			from := hearing[0]
			hearing = hearing[1:]
			for other := range nodes {
				if !linked[from][other] || heard[other] {
					continue
				}
				if from == 0 || About(about, nodes/2).Chosen(Choice(mix(uint64(from))).Of(who[other])) {
					heard[other] = true
					hearing = append(hearing, other)
				}
			}
		}
		for _, h := range heard {
			if !h {
				missed++
			}
		}
	}
	if share := float64(missed) / (50 * nodes); share > 0.03 {
		t.Errorf("%.1f %% hear nothing", 100*share)
	}
}
