package devnet

import (
	"path/filepath"

	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
)

// NewChain is a chain of a network that is made.
type NewChain struct {
	Name    string // in URLs
	Plugin  Plugin // its VM
	Genesis []byte // that the VM gets
	// GenesisOf makes it of the network's validators; nil: it is Genesis.
	GenesisOf func([]genesis.Validator) ([]byte, error)
	// Parachains says that it is the relay chain.
	Parachains bool
}

// chainsOf are the chains as the genesis of a network with these validators holds them.
func chainsOf(network string, chains []NewChain, validators []genesis.Validator) ([]genesis.Chain, error) {
	list := make([]genesis.Chain, len(chains))
	for i, c := range chains {
		if c.GenesisOf != nil {
			var err error
			if c.Genesis, err = c.GenesisOf(validators); err != nil {
				return nil, errcode.New(errcode.GenesisInvalid, "", err, "chain %s has no genesis", c.Name)
			}
		}
		list[i] = genesis.Chain{
			ID: genesis.ChainID(network, c.Name), Name: c.Name, VM: c.Plugin.Name, Genesis: c.Genesis,
			Parachains: c.Parachains,
		}
	}
	return list, nil
}

// settingsOf are what a node must be told to find the plugins: nothing of our own, so that a moved installation still
// works, and the directory of a single one, so that another file of the same name takes its place.
func settingsOf(chains []NewChain) map[string]any {
	var elsewhere []string
	for _, c := range chains {
		switch {
		case c.Plugin.builtin:
		case len(chains) == 1:
			return map[string]any{"vm.plugin-dir": c.Plugin.Dir}
		default:
			elsewhere = append(elsewhere, c.Name+"="+filepath.Join(c.Plugin.Dir, c.Plugin.Name))
		}
	}
	if elsewhere == nil {
		return nil
	}
	return map[string]any{"vm.plugins": elsewhere}
}
