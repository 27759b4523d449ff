package node

import (
	"crypto/ed25519"

	"github.com/reevenet/reeve/internal/block"
	"github.com/reevenet/reeve/internal/exitcode"
	"github.com/reevenet/reeve/internal/genesis"
	"github.com/reevenet/reeve/internal/snowball"
	"github.com/reevenet/reeve/internal/validators"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/engine"
)

// engine gives the engine its chain, its validators and the parameters of consensus.
func (n *Node) engine() (subsystem.Spec, error) {
	members := make([]validators.Validator, len(n.Genesis.Validators))
	for i, v := range n.Genesis.Validators {
		members[i] = validators.Validator{Node: v.NodeID, Key: ed25519.PublicKey(v.PublicKey[:]), Stake: v.Stake}
	}
	set, err := validators.New(members)
	if err != nil {
		return subsystem.Spec{}, exitcode.New(exitcode.GenesisInvalid, "", err, "the genesis has no usable validator set")
	}
	p := parameters(set.Units(), n.Genesis.Consensus)
	if err := p.Validate(set.Units()); err != nil {
		return subsystem.Spec{}, exitcode.New(exitcode.GenesisInvalid, "Leave consensus out of the genesis to get parameters that are known to be safe.", err, "these parameters of consensus can't be used")
	}
	return engine.Spec(engine.Config{
		Chain: block.Chain{NetworkID: n.number(), ID: n.Chain().ID}, NodeID: n.ID, Validators: set, Parameters: &p,
	}), nil
}

// parameters are the default ones for the size of the set, with what the genesis overrides.
func parameters(units int, c *genesis.Consensus) snowball.Parameters {
	p := snowball.For(units)
	if c == nil {
		return p
	}
	for _, o := range []struct {
		ours *int
		want uint32
	}{{&p.K, c.K}, {&p.AlphaPreference, c.AlphaPreference}, {&p.AlphaConfidence, c.AlphaConfidence}, {&p.Beta, c.Beta}} {
		if o.want != 0 {
			*o.ours = int(o.want)
		}
	}
	return p
}
