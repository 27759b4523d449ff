package devnet

import (
	"errors"
	"io/fs"
	"os"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/store/disk"
)

// JoinOptions describe one new node.
type JoinOptions struct {
	Name    string
	Genesis string // file of the network to join; empty makes a network of this one validator
	Plugin  Plugin // VM of a new network
}

// chains are those of a new network.
func (o *JoinOptions) chains() []NewChain {
	return []NewChain{{Name: o.Plugin.Chain(), Plugin: o.Plugin}}
}

// Init makes a node, and its network if it joins none. A node that joins follows the chains until the network's genesis
// names it.
func Init(dir datadir.Network, o JoinOptions) (datadir.Node, error) {
	h := dir.Node(o.Name)
	if _, err := os.Stat(h.Config()); err == nil {
		return h, errcode.New(errcode.DataDirInUse, "Choose another name with --node.", nil,
			"there is a node %s already", o.Name)
	}
	g, err := joined(dir, o.Genesis)
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
	v, err := createNode(h, len(others), DefaultPorts, settingsOf(o.chains()))
	if err != nil {
		return h, broken(dir.Dir, err)
	}
	if g == nil {
		g = alone(v, o.chains())
	}
	if err := g.Check(); err != nil {
		return h, errcode.New(errcode.GenesisInvalid, "", err, "the genesis can't be used")
	}
	if err := disk.Replace(disk.OS{}, dir.Genesis(), g.Encode(), 0o644); err != nil {
		return h, broken(dir.Dir, err)
	}
	return h, nil
}

// joined is the genesis of the network to join: that of the file, or of the directory; nil when there is neither.
func joined(dir datadir.Network, file string) (*genesis.Genesis, error) {
	if file != "" {
		return datadir.LoadGenesis(file)
	}
	if _, err := os.Stat(dir.Genesis()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return datadir.LoadGenesis(dir.Genesis())
}

// alone is the genesis of a network with one validator.
func alone(v genesis.Validator, chains []NewChain) *genesis.Genesis {
	v.Stake = 1
	name := "net-" + randomName()
	return &genesis.Genesis{Network: name, Validators: []genesis.Validator{v}, Chains: chainsOf(name, chains)}
}
