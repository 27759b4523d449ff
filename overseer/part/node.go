package part

import (
	"encoding/binary"
	"log/slog"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/datadir"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// Node is the node that a part is built for: where its files are, what it was told, and the network that it belongs to.
type Node struct {
	Home    datadir.Node
	Config  *config.Config
	Genesis *genesis.Genesis
	Version string // of the program, for people and peers
	Log     *slog.Logger
	ID      primitives.NodeID
}

// Chain is the node's chain. A genesis has at least one; the first is the one that this node runs.
func (n *Node) Chain() genesis.Chain { return n.Genesis.Chains[0] }

// ChainSocket is the unix socket at which the VM's handlers of the chain are served.
func (n *Node) ChainSocket(chain string) string { return n.Home.Socket(chain + ".http") }

// NetworkNumber is the network's number for VMs, which know networks by number: the first bytes of the genesis hash.
func (n *Node) NetworkNumber() uint32 {
	h := n.Genesis.Hash()
	return binary.BigEndian.Uint32(h[:4])
}

// Build makes the Spec of the part with its ports.
func (n *Node) Build(p Part) (subsystem.Spec, error) {
	if p.Build == nil {
		return p.Spec, nil
	}
	return p.Build(*n)
}
