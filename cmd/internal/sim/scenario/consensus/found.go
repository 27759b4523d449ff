package consensus

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
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
		net.secrets[id], net.stakes[id] = secret, 100
		members = append(members, validators.Validator{Node: id, Key: public[:], Stake: 100})
		net.genesis.Validators = append(net.genesis.Validators, genesis.Validator{
			Name: fmt.Sprintf("node-%d", i), NodeID: id, PublicKey: primitives.Hash(public), Stake: 100,
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
	net.set, err = validators.New(members)
	return err
}
