package consensus

import (
	"fmt"
	"math/rand/v2"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/keys"
)

// networkNumber is the number of the simulated network.
const networkNumber = 1

// found makes keys and genesis. Nodes are numbered in the order of the validator set.
func (net *network) found() error {
	net.secrets = map[primitives.NodeID]keys.Secret{}
	net.stakes = map[primitives.NodeID]uint64{}
	net.genesis = &genesis.Genesis{Network: "sim"}
	var members []validators.Validator
	for i := range net.size {
		id := primitives.NodeID(net.world.Key("identity", i))
		secret := keys.FromSeed(keys.Signing, net.world.Key("signing", i))
		public := secret.Public()
		stake := net.weights[i]
		net.secrets[id], net.stakes[id] = secret, stake
		members = append(members, validators.Validator{Node: id, Key: public[:], Stake: stake})
		net.genesis.Validators = append(net.genesis.Validators, genesis.Validator{
			Name: fmt.Sprintf("node-%d", i), NodeID: id, PublicKey: primitives.Hash(public), Stake: stake,
		})
	}
	for _, name := range net.names {
		chain := genesis.Chain{ID: genesis.ChainID("sim", name), Name: name, VM: "kvvm"}
		net.genesis.Chains = append(net.genesis.Chains, chain)
	}
	if err := net.genesis.Check(); err != nil {
		return err
	}
	var err error
	if net.set, err = validators.New(members); err != nil {
		return err
	}
	if net.params.K == 0 {
		net.params = snowball.For(net.set.Units())
	}
	return nil
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
	r := net.world.RNG("stakes")
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
