package devnet

import (
	"time"

	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/vmhost/relayvm"
)

// RelayVM is the plugin of a relay chain, and RelayChain what the chain is called unless it is told otherwise.
const (
	RelayVM    = "relayvm"
	RelayChain = "relay"
)

// ChainOf is a chain of a new network. One whose VM is relayvm is the relay chain, and if no genesis is given for it, it
// gets one with the network's validators and the paras.
func ChainOf(name string, p Plugin, given []byte, paras ...relayvm.GenesisPara) NewChain {
	c := NewChain{Name: name, Plugin: p, Genesis: given}
	if p.Name != RelayVM {
		return c
	}
	c.Parachains = true
	if len(given) == 0 {
		c.GenesisOf = func(v []genesis.Validator) ([]byte, error) { return relayGenesis(v, paras) }
	}
	return c
}

// relayGenesis is a development network's: its validators, and nobody who could change anything.
func relayGenesis(validators []genesis.Validator, paras []relayvm.GenesisPara) ([]byte, error) {
	g := relayvm.Genesis{
		Time: time.Now().UTC().Truncate(time.Second), Configuration: relayvm.DefaultConfiguration(), Paras: paras,
	}
	for _, v := range validators {
		g.Validators = append(g.Validators, relayvm.Validator{
			PublicKey: v.PublicKey, NodeID: v.NodeID, Stake: v.Stake,
		})
	}
	return g.Encode()
}
