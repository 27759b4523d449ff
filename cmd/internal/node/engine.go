package node

import (
	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/core/validators"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer/subsystem"
	"github.com/reevenet/reeve/services/engine"
)

// engine gives the engine its chain, its identity and the validators.
func (n *Node) engine() (subsystem.Spec, error) {
	members := make([]validators.Validator, len(n.Genesis.Validators))
	for i, v := range n.Genesis.Validators {
		members[i] = validators.Validator{Node: v.NodeID, Key: v.PublicKey[:], Stake: v.Stake}
	}
	set, err := validators.New(members)
	if err != nil {
		return subsystem.Spec{}, errcode.New(errcode.GenesisInvalid, "", err, "the validators of %s can't form a network", n.Home.Genesis())
	}
	cfg := engine.Config{Chain: block.Chain{NetworkID: n.number(), ID: n.Chain().ID}, NodeID: n.ID, Validators: set}
	if c := n.Genesis.Consensus; c != nil {
		p := parameters(*c, snowball.For(set.Units()))
		cfg.Parameters = &p
	}
	return engine.Spec(cfg), nil
}

// parameters overrides the defaults with what the genesis says.
func parameters(c genesis.Consensus, p snowball.Parameters) snowball.Parameters {
	for _, o := range []struct {
		value uint32
		field *int
	}{{c.K, &p.K}, {c.AlphaPreference, &p.AlphaPreference}, {c.AlphaConfidence, &p.AlphaConfidence}, {c.Beta, &p.Beta}} {
		if o.value != 0 {
			*o.field = int(o.value)
		}
	}
	return p
}
