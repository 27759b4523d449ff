package devnet

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

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

	after func(step string) error // see assembly
}

// Create makes keys, genesis and settings of a new network in dir. It refuses a directory that holds one already.
func Create(dir datadir.Network, o Options) (*genesis.Genesis, error) {
	if o.Validators < 1 || o.Validators > 100 {
		return nil, errcode.New(errcode.BadUsage, "Choose a number from 1 to 100.", nil,
			"a network on one machine can't have %d validators", o.Validators)
	}
	if err := Resume(dir); err != nil {
		return nil, err
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
	g := &genesis.Genesis{Network: o.Network}
	err := assemble(dir, o.after, func(a *assembly) error {
		for i := range o.Validators {
			v, err := a.node(fmt.Sprintf("v%d", i+1), i, o.Ports, settingsOf(o.Chains))
			if err != nil {
				return err
			}
			v.Stake = 1
			g.Validators = append(g.Validators, v)
		}
		var err error
		if g.Chains, err = chainsOf(o.Network, o.Chains, g.Validators); err != nil {
			return err
		}
		return a.genesis(g, g.Split())
	})
	return g, assembled(dir, err)
}

// assembled is the error of an assembly as people read it.
func assembled(dir datadir.Network, err error) error {
	var e *errcode.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return broken(dir.Dir, err)
}

// genesis writes the network's, and the files beside it.
func (a *assembly) genesis(g *genesis.Genesis, beside map[string][]byte) error {
	if err := g.Check(); err != nil {
		return errcode.New(errcode.GenesisInvalid, "", err, "the new network's genesis can't be used")
	}
	for name, content := range beside {
		if err := disk.Replace(disk.OS{}, filepath.Join(a.aside.Dir, name), content, 0o644); err != nil {
			return err
		}
	}
	if err := disk.Replace(disk.OS{}, a.aside.Genesis(), g.Encode(), 0o644); err != nil {
		return err
	}
	return a.did("genesis")
}

// node makes one node's directory and returns what others must know of it. Beside its ports it has the given settings.
func (a *assembly) node(name string, index int, ports Ports, more map[string]any) (v genesis.Validator, err error) {
	if err := vacant(a.dir.Node(name)); err != nil {
		return v, err
	}
	node := a.aside.Node(name)
	settings := ports.Listeners(index)
	settings["name"] = name
	maps.Copy(settings, more)
	v = genesis.Validator{Name: name, Address: ports.Multiaddr(index)}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"files", node.MakeFiles},
		{"keys", func() (err error) { v.NodeID, v.PublicKey, err = datadir.CreateKeys(node); return err }},
		{"tokens", func() error { return makeTokens(node) }},
		{"settings", func() error { return services.Parts().Schema().Write(node.Config(), settings) }},
	} {
		if err := step.do(); err != nil {
			return v, err
		}
		if err := a.did(step.name + " of " + name); err != nil {
			return v, err
		}
	}
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
