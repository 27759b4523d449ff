package consensus

import (
	"math/rand/v2"

	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/process/genesis"
)

// found makes keys and genesis.
func (net *network) found() error {
	if err := net.Enlist(net.weights); err != nil {
		return err
	}
	var chains []genesis.Chain
	for _, name := range net.names {
		chains = append(chains, genesis.Chain{ID: genesis.ChainID("sim", name), Name: name, VM: "kvvm"})
	}
	if net.params.K == 0 {
		net.params = snowball.For(net.Set.Units())
	}
	return net.Found(chains...)
}

// drawSize draws how many validators there are: mostly a handful, now and then the few that are a special case, or
// many.
func drawSize(r *rand.Rand) int {
	small, usual, large := 1+r.IntN(4), 5+r.IntN(9), 14+r.IntN(17)
	switch n := r.IntN(16); {
	case n < 5:
		return small
	case n == 5:
		return large
	}
	return usual
}

// drawStakes draws who has how much, for half of the seeds unevenly.
func (net *network) drawStakes() []uint64 {
	r := net.World.RNG("stakes")
	kind := r.IntN(8)
	stakes := make([]uint64, net.size)
	for i := range stakes {
		stakes[i] = [...]uint64{
			0: 100 + uint64(r.IntN(2)), 1: 1 + uint64(r.IntN(1000)), 2: 1 << r.IntN(10), 3: 1 + uint64(i*i), 7: 0,
		}[kind]
		if kind > 3 {
			stakes[i] = 100
		}
	}
	return stakes
}
