// Package node puts a validator's processes together. Each function here is one process: it reads the node's settings, keys
// and genesis, opens the ports to the world (disk, network, plugin, HTTP) and gives them to a part that knows none of that.
// This is the one place that knows which part gets what; a part never looks for its own files.
package node

import (
	"log/slog"
	"path/filepath"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/store/disk"
)

// Node is what every process of a node knows.
type Node struct {
	Home    datadir.Node
	Config  *config.Config
	Genesis *genesis.Genesis
	Version string // of the program, for people and peers
	Log     *slog.Logger
	ID      primitives.NodeID
}

// Open reads a node's genesis and identity, and makes sure that its data belongs to that genesis.
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
	return &Node{Home: h, Config: c, Genesis: g, Version: version, Log: log, ID: datadir.NodeID(h)}, nil
}

// BusSocket is the name of the unix socket of the bus.
const BusSocket = "bus"

// Bus is the address of the node's overseer.
func (n *Node) Bus() string { return "unix:" + n.Home.Socket(BusSocket) }

// Chain is the node's chain. A genesis has at least one; the first is the one that this node runs.
func (n *Node) Chain() genesis.Chain { return n.Genesis.Chains[0] }

// ChainSocket is the unix socket at which the VM's handlers of the chain are served.
func (n *Node) ChainSocket(chain string) string { return n.Home.Socket(chain + ".http") }

// identity loads the node's network key.
func (n *Node) identity() (keys.Secret, error) {
	return keys.Load(disk.OS{}, filepath.Join(n.Home.Keys(), datadir.IdentityFile), keys.Identity)
}
