package engine

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/block"
	"github.com/reevenet/reeve/internal/core/snowball"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	optionsv1 "github.com/reevenet/reeve/proto/reeve/options/v1"
)

// Part is the engine as a node runs it: with the chain, the identity and the validators of the genesis.
func Part() part.Part {
	return part.Part{
		Spec:  Spec(Config{}),
		Build: build,
		Protocols: []part.Protocol{
			{Name: ProtocolConsensus, Event: event, Lane: optionsv1.Lane_LANE_CONSENSUS, NoViews: true},
			{Name: ProtocolApp, Event: event, Lane: optionsv1.Lane_LANE_BACKING, NoViews: true},
			{Name: ProtocolGossip, Event: event, Lane: optionsv1.Lane_LANE_GOSSIP, NoViews: true},
			{Name: ProtocolBulk, Event: event, Lane: optionsv1.Lane_LANE_BULK, NoViews: true},
		},
		Process: part.Process{Stop: part.StopEarly},
		Owns:    "consensus: polls, votes, acceptance, proposals. On disk only evidence of what validators have signed twice",
	}
}

func event(e *nbv1.NetworkBridgeEvent) proto.Message { return &enginev1.NetworkBridgeUpdate{Event: e} }

func build(n part.Node, chain genesis.Chain) (subsystem.Spec, error) {
	cfg, err := ConfigOf(n, chain)
	if err != nil {
		return subsystem.Spec{}, err
	}
	return Spec(cfg), nil
}

// ConfigOf is what the engine of a node's chain is made from.
func ConfigOf(n part.Node, chain genesis.Chain) (Config, error) {
	set, err := n.Genesis.Set()
	if err != nil {
		return Config{}, errcode.New(errcode.GenesisInvalid, "", err, "%s", n.Home.Genesis())
	}
	cfg := Config{
		Chain: block.Chain{NetworkID: n.NetworkNumber(), ID: chain.ID}, NodeID: n.ID, Validators: set,
		Relay: chain.Parachains, Disk: disk.OS{}, Dir: n.Home.Evidence(chain.Name),
	}
	if cfg.Absences, err = countAbsences(n); err != nil {
		return Config{}, err
	}
	if c := n.Genesis.Consensus; c != nil {
		p := parameters(*c, snowball.For(set.Units()))
		cfg.Parameters = &p
	}
	return cfg, nil
}

// parameters overrides the defaults with what the genesis says.
func parameters(c genesis.Consensus, p snowball.Parameters) snowball.Parameters {
	for _, o := range []struct {
		value uint32
		field *int
	}{{c.K, &p.K}, {c.AlphaPreference, &p.AlphaPreference}, {c.AlphaConfidence, &p.AlphaConfidence},
		{c.Beta, &p.Beta}} {
		if o.value != 0 {
			*o.field = int(o.value)
		}
	}
	return p
}
