package devnet

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"os"

	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/services"
)

// Options describe a new network.
type Options struct {
	Validators int
	Network    string // its name; empty makes one up
	Chains     []NewChain
	Ports      Ports
	Consensus  *genesis.Consensus
}

// Create makes keys, genesis and settings of a new network in dir. It refuses a directory that holds one already.
func Create(dir datadir.Network, o Options) (*genesis.Genesis, error) {
	if o.Validators < 1 || o.Validators > 100 {
		return nil, errcode.New(errcode.BadUsage, "Choose a number from 1 to 100.", nil,
			"a network on one machine can't have %d validators", o.Validators)
	}
	if _, err := os.Stat(dir.Genesis()); err == nil {
		return nil, errcode.New(errcode.DataDirInUse, "Choose another directory with --data-dir, or remove it.", nil,
			"%s holds a network already", dir.Dir)
	}
	if o.Network == "" {
		o.Network = "devnet-" + randomName()
	}
	if err := dir.Make(); err != nil {
		return nil, broken(dir.Dir, err)
	}
	g := &genesis.Genesis{
		Network: o.Network, Chains: chainsOf(o.Network, o.Chains), Consensus: o.Consensus,
	}
	for i := range o.Validators {
		v, err := createNode(dir.Node(fmt.Sprintf("v%d", i+1)), i, o.Ports, settingsOf(o.Chains))
		if err != nil {
			return nil, broken(dir.Dir, err)
		}
		v.Stake = 1
		g.Validators = append(g.Validators, v)
	}
	if err := g.Check(); err != nil {
		return nil, errcode.New(errcode.GenesisInvalid, "", err, "the new network's genesis can't be used")
	}
	// The genesis comes last: a directory that has one is complete.
	if err := disk.Replace(disk.OS{}, dir.Genesis(), g.Encode(), 0o644); err != nil {
		return nil, broken(dir.Dir, err)
	}
	return g, nil
}

// createNode makes one node's directory and returns what others must know of it. Beside its ports it has the given
// settings.
func createNode(node datadir.Node, index int, ports Ports, more map[string]any) (genesis.Validator, error) {
	var v genesis.Validator
	if err := node.Make(); err != nil {
		return v, err
	}
	identity, signer, err := datadir.CreateKeys(node)
	if err != nil {
		return v, err
	}
	if err := makeTokens(node); err != nil {
		return v, err
	}
	settings := ports.Listeners(index)
	settings["name"] = node.Name
	maps.Copy(settings, more)
	if err := services.Parts().Schema().Write(node.Config(), settings); err != nil {
		return v, err
	}
	v = genesis.Validator{Name: node.Name, NodeID: identity, PublicKey: signer, Address: ports.Multiaddr(index)}
	return v, nil
}

// makeTokens makes the secrets that a node's own subsystems need and that aren't there yet.
func makeTokens(h datadir.Node) error {
	for _, name := range services.Parts().Names() {
		if _, err := datadir.MakeToken(h, name); err != nil {
			return err
		}
	}
	return nil
}

func randomName() string {
	b := make([]byte, 4)
	rand.Read(b) //nolint:errcheck // it never fails
	return hex.EncodeToString(b)
}

func broken(dir string, err error) error {
	return errcode.New(errcode.DataDirBroken,
		"Make it writable, free some space, or choose another one with --data-dir.", err, "can't write to %s", dir)
}
