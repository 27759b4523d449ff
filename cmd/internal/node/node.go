// Package node puts a validator's processes together. It reads the node's settings, keys and genesis, and runs the
// overseer, any of the parts that package services lists, or all of them in one process. What a part needs of the world
// the part itself says.
package node

import (
	"log/slog"

	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/errcode"
	"github.com/reevenet/reeve/overseer/part"
)

// Node is what every process of a node knows.
type Node struct{ part.Node }

// Open reads a node's genesis and identity, and makes sure that its data belongs to that genesis. version is the
// program's, for people and peers.
func Open(h datadir.Node, c *config.Config, version string, log *slog.Logger) (*Node, error) {
	g, err := datadir.LoadGenesis(h.Genesis())
	if err != nil {
		return nil, err
	}
	if err := h.Make(); err != nil {
		return nil, broken(h, err)
	}
	if err := checkFormat(h, g); err != nil {
		return nil, err
	}
	return &Node{part.Node{Home: h, Config: c, Genesis: g, Version: version, Log: log, ID: datadir.NodeID(h)}}, nil
}

// chains are the names of the node's chains: all of the genesis.
func (n *Node) chains() []string {
	names := make([]string, len(n.Genesis.Chains))
	for i, c := range n.Genesis.Chains {
		names[i] = c.Name
	}
	return names
}

// BusSocket is the name of the unix socket of the bus.
const BusSocket = datadir.BusSocket

// Bus is the address of the node's overseer.
func (n *Node) Bus() string { return "unix:" + n.Home.Socket(BusSocket) }

// misconfigured is what a process says of its environment when it can't run with it.
func misconfigured(err error) error {
	return errcode.New(errcode.BadConfig, "Correct or unset the variable in the environment.", err,
		"the process can't be configured")
}
