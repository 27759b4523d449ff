package part

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

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

	// Of the process that the part is built for: Metrics takes what it counts, Tracing opens its spans. nil: nobody
	// looks.
	Metrics prometheus.Registerer
	Tracing trace.TracerProvider
}

// ChainSocket is the unix socket at which the VM's handlers of the chain are served.
func (n *Node) ChainSocket(chain string) string { return n.Home.Socket(chain + ".http") }

// NetworkNumber is the network's number for VMs, which know networks by number, and in what is signed.
func (n *Node) NetworkNumber() uint32 { return n.Genesis.Number() }

// Build makes the Spec of a part with its ports.
func (n *Node) Build(i Instance) (subsystem.Spec, error) {
	if i.Build == nil {
		return i.Spec, nil
	}
	chain, _ := n.Genesis.Chain(i.Chain)
	return i.Part.Build(*n, chain)
}
