package devnet

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/vmhost/relayvm"
)

// JoinOptions describe one new node.
type JoinOptions struct {
	Name    string
	Genesis string                // file of the network to join; empty makes a network of this one validator
	Plugin  Plugin                // VM of a new network
	Paras   []relayvm.GenesisPara // on a new relay chain

	after func(step string) error // see assembly
}

// chains are those of a new network.
func (o *JoinOptions) chains() []NewChain {
	return []NewChain{ChainOf(o.Plugin.Chain(), o.Plugin, nil, o.Paras...)}
}

// Init makes a node, and its network if it joins none. A node that joins follows the chains until the network's genesis
// names it.
func Init(dir datadir.Network, o JoinOptions) (datadir.Node, error) {
	h := dir.Node(o.Name)
	if err := Resume(dir); err != nil {
		return h, err
	}
	if _, err := os.Stat(h.Config()); err == nil {
		return h, errcode.New(errcode.DataDirInUse, "Choose another name with --node.", nil,
			"there is a node %s already", o.Name)
	}
	g, beside, err := joined(dir, o.Genesis)
	if err != nil {
		return h, err
	}
	others, err := dir.Nodes()
	if err != nil {
		return h, err
	}
	if err := dir.Make(); err != nil {
		return h, broken(dir.Dir, err)
	}
	err = assemble(dir, o.after, func(a *assembly) error {
		v, err := a.node(o.Name, len(others), DefaultPorts, settingsOf(o.chains()))
		if err != nil {
			return err
		}
		if g == nil {
			if g, err = alone(v, o.chains()); err != nil {
				return err
			}
			beside = g.Split()
		}
		return a.genesis(g, beside)
	})
	return h, assembled(dir, err)
}

// joined is the genesis of the network to join, with the files beside it: that of the file, or of the directory; nil
// when there is neither.
func joined(dir datadir.Network, file string) (*genesis.Genesis, map[string][]byte, error) {
	if file == "" {
		file = dir.Genesis()
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil, nil, nil
		}
	}
	g, err := datadir.LoadGenesis(file)
	if err != nil {
		return nil, nil, err
	}
	beside := map[string][]byte{}
	for _, c := range g.Chains {
		content, err := c.Content(filepath.Dir(file))
		if err != nil {
			return nil, nil, errcode.New(errcode.GenesisInvalid,
				"Copy it from the other nodes, where it is beside genesis.json.", err, "the genesis can't be used")
		}
		if !c.GenesisHash.IsZero() {
			beside[c.ContentFile()] = content
		}
	}
	return g, beside, nil
}

// alone is the genesis of a network with one validator.
func alone(v genesis.Validator, chains []NewChain) (*genesis.Genesis, error) {
	v.Stake = 1
	g := &genesis.Genesis{Network: "net-" + randomName(), Validators: []genesis.Validator{v}}
	var err error
	g.Chains, err = chainsOf(g.Network, chains, g.Validators)
	return g, err
}
